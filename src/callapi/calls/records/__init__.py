"""What is written down about calls: journal, timeline, reconciliation."""
