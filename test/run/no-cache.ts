/**
 * Imported for its effect: the runs of a test neither fill nor ask the cache of whoever runs the tests. A test of the
 * cache names one by `cache` or `--cache`.
 */
process.env.BGE_CACHE ??= "none";
