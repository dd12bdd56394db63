"""The three kinds of search on Milvus, with the results of the index file that was pushed there."""
