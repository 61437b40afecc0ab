"""From clips to a store: what is to be made, processes that make it, and a journal of what is done."""
