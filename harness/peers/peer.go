// What all Go peers share: arguments, the clock, the two lines of output. Each peer defines `kernel` and nothing else of that name.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// Processor time of the process in seconds, that of the garbage collector's threads included.
func seconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + 1e-6*float64(usage.Utime.Usec+usage.Stime.Usec)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func argument(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fail(err)
	}
	return value
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: %s SIZE SEED", os.Args[0]))
	}
	n, seed := argument(os.Args[1]), argument(os.Args[2])
	start := seconds()
	checksum := kernel(n, seed)
	time := seconds() - start
	fmt.Printf("checksum %d\nseconds %.9f\n", checksum, time)
}
