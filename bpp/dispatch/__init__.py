"""Who is asked first for a job, why, and what became of it: fair, published, explained."""
