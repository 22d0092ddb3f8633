// Millweir backs up MongoDB deployments: encrypted, verified, and restorable in part.
//
//	millweir keys generate --identity me.txt --signing-key sign.key
//	millweir init ./repo --identity me.txt --signing-key sign.key
//	export MONGODB_URI='mongodb://user:password@db.example.com/'
//	millweir backup ./repo --signing-key sign.key
//	millweir list ./repo
//	millweir verify ./repo --identity me.txt
//	millweir restore ./repo --identity me.txt --rename 'shop.*=shop2.*'
//
// The command "millweir help" lists the commands, and "millweir help COMMAND" explains one. A
// repository is a directory or s3://BUCKET/PREFIX. Each flag can be given by the environment:
// --signing-key by MILLWEIR_SIGNING_KEY. A file named by --config has flags as "name: value".
//
// # Exit codes
//
//   - 0: done.
//   - 1: it failed. No backup was made, or nothing was shown in the target, unless the message says
//     otherwise.
//   - 2: the command line, the environment or the configuration is wrong. Nothing was done.
//   - 3: the outcome is not known: run the command again.
//   - 4: the program has a defect. --debug shows where.
//   - 5: the verification found damage.
//   - 129, 130, 143: stopped by SIGHUP, SIGINT, SIGTERM.
package main

import (
	"context"
	"os"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/stream"
)

func main() { cli.Main("millweir", run) }

func run(ctx context.Context, p *cli.Program, args []string) error {
	a := &app{program: p, out: os.Stdout}
	return a.run(stream.WithParallelism(ctx, 0), args) // compress on all cores
}
