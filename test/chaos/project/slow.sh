# Runs until it is asked to end, and then takes a moment to save its work.
trap 'sleep 0.3; echo "ended $SIGNALBOX_ATTEMPT" >> "$STARTS"; exit 143' TERM
echo "started $SIGNALBOX_ATTEMPT" >> "$STARTS"
echo "waiting"
sleep 300 &
wait
