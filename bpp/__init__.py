"""The provider node (BPP): a cooperative's offers, jobs, drivers and books."""
