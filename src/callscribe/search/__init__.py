"""What a search means: queries, number forms, folded words, marked snippets. Pure; the index itself is in the store."""
