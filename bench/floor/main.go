// Command floor prints one word: what a Go process costs that does nothing.
package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
