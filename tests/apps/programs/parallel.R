# SPDX-License-Identifier: Apache-2.0
# Workers that are forked anew at each step, which answer over pipes, and two that stay, with a random number
# stream each, which are spoken to over TCP. The sum of all must be the same.
library(parallel)
work <- function(i) sum(svd(matrix(sin(seq_len(3600) * i), 60))$d)
set.seed(7, kind = "L'Ecuyer-CMRG")
cluster <- makeCluster(2)
clusterSetRNGStream(cluster, 7)
clusterExport(cluster, "work")
total <- 0
for (step in 1:20) {
	forked <- mclapply(1:6, function(i) work(i + step) + rnorm(1), mc.cores = 2)
	stayed <- parSapply(cluster, 1:6, function(i) work(i) + rnorm(1))
	total <- total + sum(unlist(forked), stayed)
	cat(sprintf("step %d\n", step))
	flush(stdout())
}
stopCluster(cluster)
cat(format(total, digits = 15), "\n")
