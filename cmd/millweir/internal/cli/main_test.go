package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// crashVariable makes the test's process the program that panics: "debug" or "quiet".
const crashVariable = "MILLWEIR_TEST_CRASH"

// TestMainRecovers runs a program that panics. It must end with the exit code of a defect, and with
// one line that has no stack and no secret of the environment. With --debug the stack follows.
func TestMainRecovers(t *testing.T) {
	if how := os.Getenv(crashVariable); how != "" {
		Main("backup", func(_ context.Context, p *Program, _ []string) error {
			p.Debug = how == "debug"
			explode(1)
			return nil
		})
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"quiet", "debug"} {
		var said bytes.Buffer
		cmd := exec.Command(program, "-test.run=^TestMainRecovers$")
		cmd.Env = append(os.Environ(), crashVariable+"="+how, "AWS_SECRET_ACCESS_KEY=c0rrect-Horse")
		cmd.Stdout, cmd.Stderr = &said, &said
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitDefect {
			t.Errorf("%s: ended with %v", how, err)
		}
		got := said.String()
		if strings.Contains(got, "c0rrect-Horse") || !strings.Contains(got, "panic: bolts of [hidden]") ||
			strings.Contains(got, "cli.explode") != (how == "debug") ||
			how == "quiet" && strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %s", how, got)
		}
	}
}
