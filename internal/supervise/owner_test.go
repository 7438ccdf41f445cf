package supervise

import (
	"fmt"
	"os"
	"testing"
)

func TestAnOwnerIsAliveOnlyAsTheProcessThatItWas(t *testing.T) {
	pid := os.Getpid()
	start, err := StartTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[string]bool{
		Self(): true,
		fmt.Sprintf("%d:%d:%s:%s", pid, start+1, bootID(), pidNamespace()): false,
		fmt.Sprintf("%d:%d:%s:%s", pid, start, "another", pidNamespace()):  false,
		fmt.Sprintf("%d:%d:%s:%s", pid, start+1, bootID(), "another"):      true,
		"": true,
	} {
		if got := OwnerAlive(owner); got != want {
			t.Errorf("%q: %v, want %v", owner, got, want)
		}
	}
}
