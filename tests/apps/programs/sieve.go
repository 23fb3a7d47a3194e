// SPDX-License-Identifier: Apache-2.0

// Goroutines that pass work and garbage through channels; each run is equal.
package main

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

const (
	steps   = 20
	workers = 8
	jobs    = 12
)

type result struct {
	job int
	sum uint64
}

func work(job int) uint64 {
	composite := make([]bool, 300000)
	var primes []string
	sum := uint64(job)
	for i := 2; i < len(composite); i++ {
		if composite[i] {
			continue
		}
		primes = append(primes, fmt.Sprint(i*job))
		for k := i * 2; k < len(composite); k += i {
			composite[k] = true
		}
	}
	sort.Strings(primes)
	for _, c := range strings.Join(primes, "") {
		sum = sum*31 + uint64(c)
	}
	return sum
}

func main() {
	in, out := make(chan int), make(chan result)
	var all sync.WaitGroup
	for i := 0; i < workers; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for job := range in {
				out <- result{job, work(job)}
			}
		}()
	}
	ticks := time.NewTicker(time.Millisecond)
	sums := map[int]uint64{}
	for step := 1; step <= steps; step++ {
		go func(step int) {
			for i := 0; i < jobs; i++ {
				in <- step*jobs + i
			}
		}(step)
		for n := 0; n < jobs; {
			select {
			case r := <-out:
				sums[r.job] = r.sum
				n++
			case <-ticks.C:
			}
		}
		fmt.Println("step", step)
	}
	close(in)
	all.Wait()
	var total uint64
	for job := steps; job < (steps+1)*jobs; job++ {
		total = total*31 + sums[job]
	}
	fmt.Println("total", total, "jobs", len(sums))
}
