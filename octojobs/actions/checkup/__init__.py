"""What is wrong or weak in a repository and on its machine, part by part: what `doctor` says."""
