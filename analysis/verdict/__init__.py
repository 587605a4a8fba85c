"""What a sweep shows: evidence, findings with intervals, and the sentences and tables that tell them."""
