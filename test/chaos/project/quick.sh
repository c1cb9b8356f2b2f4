echo "started $SIGNALBOX_ATTEMPT" >> "$STARTS"
echo "metric loss=0.5 step=1"
sleep 0.4
echo "metric loss=0.25 step=2"
sleep 0.2
echo "ended $SIGNALBOX_ATTEMPT" >> "$STARTS"
