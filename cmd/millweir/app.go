package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// app is one run of the program.
type app struct {
	program *cli.Program
	out     io.Writer // for results; messages go to the program
	config  string    // the file of --config
	repo    string    // of --repo
	parsed  bool      // the command line is right, and the command has begun
	retries retries   // of requests to the stores

	known  map[string]bool // the flags of all commands
	filled map[string]bool // flags that the environment or the configuration file has set
}

// run runs the command of args.
func (a *app) run(ctx context.Context, args []string) error {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	a.program.JSON = slices.Contains(args, "--json") // a mistake before it on the command line, too
	cmd, err := root.ExecuteContextC(ctx)
	if cmd != nil {
		a.program.Help = cmd.CommandPath() + " -h"
	}
	if err != nil && !a.parsed {
		return cli.Usagef("%w", err)
	}
	return err
}

// The groups of commands, as the help lists them.
const (
	groupBackups      = "backups"
	groupRepositories = "repositories"
)

// root returns the command with all others in it.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "millweir",
		Short: "Back up MongoDB deployments: encrypted, verified, and restorable in part",
		Long: `millweir stores whole MongoDB deployments in a directory or in S3, as backups that are complete and proven, or not
there. It needs no daemon, no lock and no database.

A repository REPO is a directory or s3://BUCKET/PREFIX. Credentials, region and endpoint of S3 come from the environment
and ~/.aws, as for every AWS tool. The server of MongoDB comes from MONGODB_URI or --mongo-file.

Each flag can be given by the environment, --signing-key as MILLWEIR_SIGNING_KEY, and by a configuration file, as
"signing-key: FILE". The environment gives one value to a flag that may be repeated, the file also a list. Secrets come
only from files and the environment.`,
		Example: `  millweir keys generate --identity me.txt --signing-key sign.key
  millweir init ./repo --identity me.txt --signing-key sign.key
  millweir backup ./repo --signing-key sign.key
  millweir verify ./repo --identity me.txt --signing-key sign.key`,
		Version:           version(),
		SilenceErrors:     true, // the program reports errors, once and without secrets
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			err := a.fill(cmd.Flags())
			a.parsed = err == nil
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: cobra.NoArgs,
	}
	root.SetVersionTemplate("millweir {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "a YAML `FILE` of flags, as \"parallel: 4\"")
	flags.StringVar(&a.repo, "repo", "", "the `REPO`, if it is not the first argument")
	flags.BoolVar(&a.program.JSON, "json", false, "write results and messages as JSON, one object a line")
	flags.BoolVar(&a.program.Debug, "debug", false, "if the program has a defect (exit code 4), print where")
	root.AddGroup(
		&cobra.Group{ID: groupBackups, Title: "Backups:"},
		&cobra.Group{ID: groupRepositories, Title: "Repositories:"},
	)
	a.add(root, groupBackups, a.backup, a.list, a.show, a.verify, a.restore, a.documents, a.diff, a.copyBackup)
	a.add(root, groupRepositories, a.init, a.keys, a.doctor, a.prune, a.sweep)
	root.AddCommand(a.man())
	strict(root)
	a.known, a.filled = map[string]bool{}, map[string]bool{}
	a.learnFlags(root)
	return root
}

// add adds commands to a group of parent.
func (a *app) add(parent *cobra.Command, group string, commands ...func() *cobra.Command) {
	for _, command := range commands {
		c := command()
		c.GroupID = group
		parent.AddCommand(c)
	}
}

// strict makes the commands that cobra adds refuse an unknown word. Otherwise they print the help and
// succeed, also into the file of a completion.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		case "help":
			help := cmd.Run
			cmd.Run = nil
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || len(rest) > 0 || found == root && len(args) > 0 {
					return cli.Usagef("there is no command %s", cli.Foreign(strings.Join(args, " ")))
				}
				help(cmd, args)
				return nil
			}
		}
	}
}

// takesRepo returns the rule for the arguments of a command that takes a repository and up to more
// others.
func (a *app) takesRepo(more int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := a.fill(cmd.Flags()); err != nil { // cobra checks the arguments before it begins
			return err
		}
		limit := more + 1
		if a.repo != "" {
			limit--
		}
		switch {
		case a.repo == "" && len(args) == 0:
			return cli.Usagef("no repository given: give a directory or s3://BUCKET/PREFIX as the first argument, " +
				"--repo or MILLWEIR_REPO")
		case len(args) > limit:
			return cli.Usagef("%d argument(s) too many: %s takes %s", len(args)-limit, cmd.CommandPath(), cmd.Use)
		}
		return nil
	}
}

// repoAndRest returns the repository, and the arguments after it.
func (a *app) repoAndRest(args []string) (repo string, rest []string) {
	if a.repo != "" {
		return a.repo, args
	}
	return args[0], args[1:]
}

// result writes a result of a command: v as a line of JSON with --json, and otherwise text.
func (a *app) result(v any, text string) error {
	if !a.program.JSON {
		_, err := io.WriteString(a.out, strings.TrimSuffix(text, "\n")+"\n")
		return err
	}
	return json.NewEncoder(a.out).Encode(v)
}

// tag is the version of a released binary. The linker sets it.
var tag string

// version returns the versions of the program and of Go.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return cmp.Or(tag, "(devel)")
	}
	return cmp.Or(tag, info.Main.Version) + " " + info.GoVersion
}
