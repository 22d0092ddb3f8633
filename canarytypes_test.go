package millweir_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// withoutSecrets lists the exported types that keep no secret of a caller: numbers, switches,
// names, documents, and interfaces and functions, which have no fields. The types that may keep one
// are in withSecrets, and TestCanariesPrinted prints them.
var withoutSecrets = map[string]string{
	"codec": "Base64Options CSVOptions DeflateOptions DetectOptions FileType FormatError GunzipOptions" +
		" GzipOptions InflateOptions InputError" +
		" JSONLinesOptions LengthFieldOptions LimitError ParseCSVOptions ParseJSONArrayOptions ParseJSONLinesOptions" +
		" S2Options SplitDelimitedOptions SplitJSONObjectsOptions SplitLinesOptions UnS2Options" +
		" UnzstdOptions ZstdOptions",
	"codec/agecodec": "Info PassphraseOptions RewrapOptions",
	"codec/bsoncodec": "BSONOptions DocumentError ExtJSONOptions ParseBSONOptions ParseExtJSONOptions SyntaxError" +
		" ValidateOptions",
	"sink": "FileOptions",
	"sink/mongosink": "CollectionConflictError CreateCollectionsOptions CreateCollectionsResult " +
		"CreateIndexesOptions CreateIndexesResult DocumentError FailedDocument FailedIndex " +
		"IndexError InsertError InsertOptions InsertResult MergeOptions MergeResult " +
		"ReplaceCollectionOptions ReplaceCollectionResult Target" +
		" AccessConflictError CreateAccessResult RefusedDocument Write WriteOptions WriteResult",
	"sink/s3sink": "API AbortPendingOptions Checkpoint Checksum DeleteAPI DeleteError DeleteOptions DeleteResult" +
		" LegalHold LockAPI LockMode LockOptions Object ObjectID" +
		" PendingUpload Part PartsAPI PendingAPI PendingError",
	"source": "FileOptions Integer PipeWriter Queue",
	"source/mongosource": "AggregateOptions Checkpointed Collection CollectionsOptions DatabasesOptions FindOptions" +
		" Finder Kind MalformedError Position ScanOptions ScanRange Consistency" +
		" ChangePosition DecodeError Division Event Namespace Operation Transaction WatchOptions Watcher" +
		" SplitCheckpointed SplitOptions SplitOrder SplitPosition SplitRange SplitReport UsersOptions",
	"source/s3source": "API Checksum Entry ListAPI ListOptions ListVersionsAPI Object" +
		" Verification Verify",
	"stream": "Account Backoff Budget Class Group GroupByOptions Lender LimitError Limiter LogOptions LowWater" +
		" Need Overflow RestartOptions SliceSource Snapshot Snapshotter Stats StoreOptions SuperviseOptions",
}

// withSecrets lists the types that hold a key or a value of the caller: a stage, an element, a
// panic's value.
var withSecrets = map[string]string{
	"codec":       "Format",
	"sink/s3sink": "CustomerKey UploadOptions",

	"source/s3source": "CustomerKey DownloadOptions HeadOptions",
	"stream": "Chain Checkpoint DeadLetter Envelope Flow FlowFunc Hub MergeHub Pair PanicError Receipt" +
		" Running Sink SinkFunc Source SourceFunc Stored",
}

// TestEveryTypeIsListed checks that every exported type is in one of the lists above. Before you
// add a type, find out which secrets it may keep.
func TestEveryTypeIsListed(t *testing.T) {
	listed := make(map[string]bool)
	for _, list := range []map[string]string{withoutSecrets, withSecrets} {
		for folder, names := range list {
			for name := range strings.FieldsSeq(names) {
				listed[folder+"."+name] = true
			}
		}
	}
	found := 0
	for _, name := range exportedTypes(t) {
		found++
		if !listed[name] {
			t.Errorf("%s is not listed: may it keep a secret? If so, print it in TestCanariesPrinted", name)
		}
	}
	if found < 80 {
		t.Errorf("only %d types were found", found)
	}
}

// exportedTypes returns the exported types of the packages that users import, except packages for
// tests, each as "folder.Name".
func exportedTypes(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, top := range []string{"codec", "sink", "source", "stream"} {
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir():
				name := entry.Name()
				if name == "testdata" || name == "internal" || strings.HasSuffix(name, "test") || isModule(path) {
					return filepath.SkipDir
				}
				return nil
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if file == nil { // a file for a later version of the language is read as far as possible
				return err
			}
			for _, decl := range file.Decls {
				types, ok := decl.(*ast.GenDecl)
				if !ok {
					continue
				}
				for _, spec := range types.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.IsExported() {
						found = append(found, filepath.ToSlash(filepath.Dir(path))+"."+spec.Name.Name)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
