# A model that answers well or badly, as it is asked for.
echo "{\"is\": \"$SIGNALBOX_PARAM_IS\"}" > "$SIGNALBOX_OUTPUT_DIR/model.json"
