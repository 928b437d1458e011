"""What callscribe is measured against, written for that purpose."""
