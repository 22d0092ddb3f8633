package millweir_test

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// classified lists each exported error of the module with its class: the sentinel itself, or an
// error of the exported type.
var classified = map[string]struct {
	err   error
	class stream.Class
}{
	"stream.ErrClosed":         {stream.ErrClosed, stream.Fatal},
	"stream.ErrLimit":          {stream.ErrLimit, stream.Data},
	"stream.LimitError":        {new(stream.LimitError), stream.Data},
	"stream.ErrOverflow":       {stream.ErrOverflow, stream.Throttled},
	"stream.ErrTimeout":        {stream.ErrTimeout, stream.Retryable},
	"stream.ErrTooManySkipped": {stream.ErrTooManySkipped, stream.Fatal},
	"stream.PanicError":        {&stream.PanicError{Value: stream.ErrTimeout}, stream.Fatal},

	"source.ErrClosed": {source.ErrClosed, stream.Fatal},
	"source.ErrUsed":   {source.ErrUsed, stream.Fatal},

	"sink.ErrEmpty":  {sink.ErrEmpty, stream.Data},
	"sink.ErrExists": {sink.ErrExists, stream.Fatal},

	"backup.ErrCannotSign":       {backup.ErrCannotSign, stream.Fatal},
	"backup.ErrDeleted":          {backup.ErrDeleted, stream.Fatal},
	"backup.ErrIncomplete":       {backup.ErrIncomplete, stream.Fatal},
	"backup.ErrNoRun":            {backup.ErrNoRun, stream.Fatal},
	"backup.ErrNothing":          {backup.ErrNothing, stream.Fatal},
	"backup.ErrTooOld":           {backup.ErrTooOld, stream.Fatal},
	"backup.ErrPattern":          {backup.ErrPattern, stream.Fatal},
	"backup.ErrEmptyRange":       {backup.ErrEmptyRange, stream.Fatal},
	"backup.ErrDamaged":          {backup.ErrDamaged, stream.Data},
	"backup.CopyTargetError":     {&backup.CopyTargetError{Cause: backup.ErrNotEmpty}, stream.Fatal}, // that of its cause
	"backup.DamageError":         {new(backup.DamageError), stream.Data},
	"backup.ErrExists":           {backup.ErrExists, stream.Fatal},
	"backup.ErrMetadata":         {backup.ErrMetadata, stream.Data},
	"backup.ErrSeriesIncomplete": {backup.ErrSeriesIncomplete, stream.UnknownOutcome},
	"backup.ErrNotEqual":         {backup.ErrNotEqual, stream.Fatal},
	"backup.ErrTargetExists":     {backup.ErrTargetExists, stream.Fatal},
	"backup.ErrHeld":             {backup.ErrHeld, stream.Fatal},
	"backup.ErrListOrder":        {backup.ErrListOrder, stream.Fatal},
	"backup.ErrNewerFormat":      {backup.ErrNewerFormat, stream.Fatal},
	"backup.ErrNoBackup":         {backup.ErrNoBackup, stream.Fatal},
	"backup.ErrNoBackups":        {backup.ErrNoBackups, stream.Fatal},
	"backup.ErrNoCollection":     {backup.ErrNoCollection, stream.Fatal},
	"backup.ErrNoHold":           {backup.ErrNoHold, stream.Fatal},
	"backup.ErrNoKey":            {backup.ErrNoKey, stream.Fatal},
	"backup.ErrNoRecipients":     {backup.ErrNoRecipients, stream.Fatal},
	"backup.ErrNoRepository":     {backup.ErrNoRepository, stream.Fatal},
	"backup.ErrNotEmpty":         {backup.ErrNotEmpty, stream.Fatal},
	"backup.ErrNotFound":         {backup.ErrNotFound, stream.Fatal},
	"backup.ErrPlain":            {backup.ErrPlain, stream.Fatal},
	"backup.ErrShredded":         {backup.ErrShredded, stream.Fatal},
	"backup.ErrUnfinished":       {backup.ErrUnfinished, stream.Fatal},
	"backup.ErrUnverified":       {backup.ErrUnverified, stream.Fatal},
	"backup.ErrUnfit":            {backup.ErrUnfit, stream.Fatal},
	"backup.ErrUnsigned":         {backup.ErrUnsigned, stream.Fatal},

	"backup/s3store.ErrClock":    {s3store.ErrClock, stream.Fatal},
	"backup/s3store.ErrVersions": {s3store.ErrVersions, stream.Fatal},
	"backup/s3store.RightError":  {&s3store.RightError{Cause: backup.ErrHeld}, stream.Fatal}, // that of its cause

	"backup/storetest.ErrKilled": {storetest.ErrKilled, stream.Fatal},

	"backup/signing.ErrPassword":  {signing.ErrPassword, stream.Fatal},
	"backup/signing.ErrSignature": {signing.ErrSignature, stream.Data},

	"codec.ErrLimit":         {codec.ErrLimit, stream.Data},
	"codec.ErrMiscoded":      {codec.ErrMiscoded, stream.Fatal},
	"codec.ErrSyntax":        {codec.ErrSyntax, stream.Data},
	"codec.ErrTooLong":       {codec.ErrTooLong, stream.Data},
	"codec.ErrTrailing":      {codec.ErrTrailing, stream.Data},
	"codec.ErrUnknownFormat": {codec.ErrUnknownFormat, stream.Data},
	"codec.FormatError":      {new(codec.FormatError), stream.Data},
	"codec.InputError":       {new(codec.InputError), stream.Data},
	"codec.LimitError":       {new(codec.LimitError), stream.Data},

	"codec/agecodec.ErrDamaged":      {agecodec.ErrDamaged, stream.Data},
	"codec/agecodec.ErrKeyEncrypted": {agecodec.ErrKeyEncrypted, stream.Fatal},
	"codec/agecodec.ErrNoIdentities": {agecodec.ErrNoIdentities, stream.Fatal},
	"codec/agecodec.ErrNoMatch":      {agecodec.ErrNoMatch, stream.Fatal},
	"codec/agecodec.ErrNoRecipients": {agecodec.ErrNoRecipients, stream.Fatal},
	"codec/agecodec.ErrRecipients":   {agecodec.ErrRecipients, stream.Fatal},
	"codec/agecodec.ErrTruncated":    {agecodec.ErrTruncated, stream.Data},
	"codec/agecodec.ErrWorkFactor":   {agecodec.ErrWorkFactor, stream.Data},

	"codec/bsoncodec.DocumentError": {new(bsoncodec.DocumentError), stream.Data},
	"codec/bsoncodec.ErrBlank":      {bsoncodec.ErrBlank, stream.Data},
	"codec/bsoncodec.ErrDepth":      {bsoncodec.ErrDepth, stream.Data},
	"codec/bsoncodec.ErrInexact":    {bsoncodec.ErrInexact, stream.Data},
	"codec/bsoncodec.ErrSize":       {bsoncodec.ErrSize, stream.Data},
	"codec/bsoncodec.SyntaxError":   {new(bsoncodec.SyntaxError), stream.Data},

	"source/mongosource.ErrBadReply":          {mongosource.ErrBadReply, stream.Fatal},
	"source/mongosource.ErrCollectionChanged": {mongosource.ErrCollectionChanged, stream.Fatal},
	"source/mongosource.ErrNotResumable":      {mongosource.ErrNotResumable, stream.Fatal},
	"source/mongosource.DecodeError":          {new(mongosource.DecodeError), stream.Data},
	"source/mongosource.ErrNoSnapshot":        {mongosource.ErrNoSnapshot, stream.Fatal},
	"source/mongosource.ErrSnapshotTooOld":    {mongosource.ErrSnapshotTooOld, stream.Fatal},
	"source/mongosource.ErrCursorLost":        {mongosource.ErrCursorLost, stream.Retryable},
	"source/mongosource.ErrEventTooLarge":     {mongosource.ErrEventTooLarge, stream.Fatal},
	"source/mongosource.ErrHistoryLost":       {mongosource.ErrHistoryLost, stream.Fatal},
	"source/mongosource.ErrInvalidated":       {mongosource.ErrInvalidated, stream.Fatal},
	"source/mongosource.ErrMaxTime":           {mongosource.ErrMaxTime, stream.Retryable},
	"source/mongosource.MalformedError":       {new(mongosource.MalformedError), stream.Data},

	"source/s3source.ErrArchived":      {s3source.ErrArchived, stream.Fatal},
	"source/s3source.ErrBadReply":      {s3source.ErrBadReply, stream.Fatal},
	"source/s3source.ErrCustomerKey":   {s3source.ErrCustomerKey, stream.Fatal},
	"source/s3source.ErrChecksum":      {s3source.ErrChecksum, stream.Fatal},
	"source/s3source.ErrNotFound":      {s3source.ErrNotFound, stream.Fatal},
	"source/s3source.ErrNotVerifiable": {s3source.ErrNotVerifiable, stream.Fatal},
	"source/s3source.ErrObjectChanged": {s3source.ErrObjectChanged, stream.Fatal},

	"sink/mongosink.DocumentError":     {new(mongosink.DocumentError), stream.Data},
	"sink/mongosink.ErrDuplicate":      {mongosink.ErrDuplicate, stream.Data},
	"sink/mongosink.ErrEmptyTimestamp": {mongosink.ErrEmptyTimestamp, stream.Data},
	"sink/mongosink.ErrIDNotFirst":     {mongosink.ErrIDNotFirst, stream.Data},
	"sink/mongosink.ErrInvalidWrite":   {mongosink.ErrInvalidWrite, stream.Data},
	"sink/mongosink.ErrMalformed":      {mongosink.ErrMalformed, stream.Data},
	"sink/mongosink.ErrNoLag":          {mongosink.ErrNoLag, stream.Fatal},
	"sink/mongosink.ErrOutcomeUnknown": {mongosink.ErrOutcomeUnknown, stream.UnknownOutcome},
	"sink/mongosink.ErrTooLarge":       {mongosink.ErrTooLarge, stream.Data},
	"sink/mongosink.InsertError":       {new(mongosink.InsertError), stream.Data},

	"sink/mongosink.AccessConflictError":     {new(mongosink.AccessConflictError), stream.Fatal},
	"sink/mongosink.CollectionConflictError": {new(mongosink.CollectionConflictError), stream.Fatal},
	"sink/mongosink.ErrBadDescription":       {mongosink.ErrBadDescription, stream.Data},
	"sink/mongosink.ErrConflict":             {mongosink.ErrConflict, stream.Data},
	"sink/mongosink.ErrEmptyInput":           {mongosink.ErrEmptyInput, stream.Fatal},
	"sink/mongosink.ErrExpiryNotSet":         {mongosink.ErrExpiryNotSet, stream.Fatal},
	"sink/mongosink.ErrInvalidID":            {mongosink.ErrInvalidID, stream.Data},
	"sink/mongosink.ErrNoID":                 {mongosink.ErrNoID, stream.Data},
	"sink/mongosink.ErrNotRepeatable":        {mongosink.ErrNotRepeatable, stream.Fatal},
	"sink/mongosink.ErrNotReplaceable":       {mongosink.ErrNotReplaceable, stream.Fatal},
	"sink/mongosink.ErrRepeatedID":           {mongosink.ErrRepeatedID, stream.Data},
	"sink/mongosink.ErrStagingChanged":       {mongosink.ErrStagingChanged, stream.Fatal},
	"sink/mongosink.ErrTargetExists":         {mongosink.ErrTargetExists, stream.Fatal},
	"sink/mongosink.IndexError":              {new(mongosink.IndexError), stream.Data},

	"sink/s3sink.DeleteError":           {new(s3sink.DeleteError), stream.Fatal},  // or that of its cause
	"sink/s3sink.PendingError":          {new(s3sink.PendingError), stream.Fatal}, // or that of its cause
	"sink/s3sink.ErrBrokenOff":          {s3sink.ErrBrokenOff, stream.Retryable},
	"sink/s3sink.ErrConflict":           {s3sink.ErrConflict, stream.Retryable},
	"sink/s3sink.ErrExists":             {s3sink.ErrExists, stream.Fatal},
	"sink/s3sink.ErrIgnoresIfNoneMatch": {s3sink.ErrIgnoresIfNoneMatch, stream.Fatal},
	"sink/s3sink.ErrMismatch":           {s3sink.ErrMismatch, stream.Fatal},
	"sink/s3sink.ErrNoObject":           {s3sink.ErrNoObject, stream.Fatal},
	"sink/s3sink.ErrNoObjectLock":       {s3sink.ErrNoObjectLock, stream.Fatal},
	"sink/s3sink.ErrNotLocked":          {s3sink.ErrNotLocked, stream.Fatal},
	"sink/s3sink.ErrUploadGone":         {s3sink.ErrUploadGone, stream.Fatal},
	"sink/s3sink.ErrNotEncrypted":       {s3sink.ErrNotEncrypted, stream.Fatal},
	"sink/s3sink.ErrNotStored":          {s3sink.ErrNotStored, stream.Retryable},
	"sink/s3sink.ErrOutcomeUnknown":     {s3sink.ErrOutcomeUnknown, stream.UnknownOutcome},
	"sink/s3sink.ErrTooLarge":           {s3sink.ErrTooLarge, stream.Fatal},

	"internal/bsonwire.ErrBoolean":    {bsonwire.ErrBoolean, stream.Data},
	"internal/bsonwire.ErrDepth":      {bsonwire.ErrDepth, stream.Data},
	"internal/bsonwire.ErrKey":        {bsonwire.ErrKey, stream.Data},
	"internal/bsonwire.ErrLength":     {bsonwire.ErrLength, stream.Data},
	"internal/bsonwire.ErrShort":      {bsonwire.ErrShort, stream.Data},
	"internal/bsonwire.ErrSubtype":    {bsonwire.ErrSubtype, stream.Data},
	"internal/bsonwire.ErrTerminator": {bsonwire.ErrTerminator, stream.Data},
	"internal/bsonwire.ErrType":       {bsonwire.ErrType, stream.Data},
	"internal/bsonwire.ErrUTF8":       {bsonwire.ErrUTF8, stream.Data},

	"internal/mongoerr.ErrBadReply": {mongoerr.ErrBadReply, stream.Fatal},

	"internal/s3key.ErrInsecure":     {s3key.ErrInsecure, stream.Fatal},
	"internal/s3reply.ErrFollowed":   {s3reply.ErrFollowed, stream.Fatal},
	"internal/s3reply.ErrRedirected": {s3reply.ErrRedirected, stream.Fatal},
	"internal/s3reply.ErrTooLong":    {s3reply.ErrTooLong, stream.Fatal},
}

// Each exported error has a class, so that a retry, a restart or a supervisor can handle it. The
// list above names every one.
func TestEveryErrorHasAClass(t *testing.T) {
	found := exportedErrors(t)
	if len(found) < len(classified) {
		t.Fatalf("only %d errors were found: %v", len(found), found)
	}
	for _, name := range found {
		if _, ok := classified[name]; !ok {
			t.Errorf("%s is listed with no class", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(classified)) {
		want := classified[name]
		if !slices.Contains(found, name) {
			t.Errorf("there is no %s", name)
		}
		if got := stream.ClassOf(want.err); got != want.class || got == stream.Unclassified {
			t.Errorf("%s is %v, want %v", name, got, want.class)
		}
	}
}

// exportedErrors returns the exported variables Err… and the exported types with a method Error of
// all packages of the module, each as "folder.Name".
func exportedErrors(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if path != "." && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") || isModule(path)) {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			if match, _ := build.Default.MatchFile(filepath.Split(path)); !match {
				return nil // the file is for another version of the language
			}
			return err
		}
		for _, decl := range file.Decls {
			for _, name := range errorNames(decl) {
				if ast.IsExported(name) {
					found = append(found, filepath.ToSlash(filepath.Dir(path))+"."+name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// isModule reports whether the folder is a separate module.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// errorNames returns the variables Err… that decl declares, or the type that it gives the method
// Error.
func errorNames(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.GenDecl:
		return errorVariables(d)
	case *ast.FuncDecl:
		if d.Recv != nil && d.Name.Name == "Error" && len(d.Type.Params.List) == 0 {
			return []string{typeName(d.Recv.List[0].Type)}
		}
	}
	return nil
}

func errorVariables(d *ast.GenDecl) []string {
	var names []string
	for _, spec := range d.Specs {
		if vars, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
			for _, name := range vars.Names {
				if strings.HasPrefix(name.Name, "Err") {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// typeName returns the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
