"""Speed, as benchmarks: `make bench`. The figures stand in Markdown at the end of its output."""
