package supervise

import "os"

// enlarge does nothing: the kernel enlarges a pipe that is used much.
func enlarge(*os.File) {}
