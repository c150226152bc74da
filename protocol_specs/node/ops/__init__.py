"""What operators look at: health, the port for machines that watch, traces, recordings, doctor."""
