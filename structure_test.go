package main_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "agent-secrets"

// allowed says which packages of the module, and which libraries, a package may
// import. Whoever adds a line here changes the architecture: the package
// comments must stay true.
var allowed = map[string][]string{
	"":                    {"internal/cli"},
	"internal/cli":        {"store", "lease", "audit", "killswitch", "rotate", "envfile", "skills", "internal/fsx", "internal/guard", "internal/importer", "internal/mcp", "internal/redact", "internal/strictjson", "internal/supervise", "github.com/urfave/cli/v2", "golang.org/x/sys/unix", "golang.org/x/term"},
	"killswitch":          {"store", "lease"},
	"rotate":              {"store", "internal/redact", "internal/supervise"},
	"store":               {"lease", "audit", "internal/fsx", "internal/strictjson", "filippo.io/age"},
	"lease":               {"internal/fsx", "internal/strictjson", "github.com/oklog/ulid/v2"},
	"envfile":             {"internal/fsx", "internal/strictjson"},
	"internal/crashfs":    {"internal/fsx"}, // for tests only: no line allows it
	"internal/guard":      {},
	"internal/importer":   {"envfile", "internal/strictjson"},
	"internal/mcp":        {"lease", "internal/strictjson", "github.com/modelcontextprotocol/go-sdk/jsonrpc", "github.com/modelcontextprotocol/go-sdk/mcp"},
	"internal/redact":     {},
	"internal/supervise":  {"golang.org/x/sys/unix"},
	"audit":               {"internal/fsx", "internal/strictjson"},
	"skills":              {},
	"internal/fsx":        {"github.com/gofrs/flock", "golang.org/x/sys/unix"},
	"internal/strictjson": {},
}

func TestPackagesImportOnlyWhatTheArchitectureAllows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(pkg.ImportPath, module), "/")
		may, known := allowed[name]
		if !known {
			t.Errorf("package %q has no line in the table of what it may import", name)
		}
		for _, path := range pkg.Imports {
			own, isOwn := strings.CutPrefix(path, module+"/")
			standard := !strings.Contains(strings.Split(path, "/")[0], ".")
			if !isOwn && standard || slices.Contains(may, own) {
				continue
			}
			t.Errorf("%s imports %s: see the layout in the package comments", pkg.ImportPath, path)
		}
	}
}

func TestEveryPackageHasOneDocComment(t *testing.T) {
	docs := map[string]int{}
	for path, file := range sources(t) {
		docs[filepath.Dir(path)] += 0
		if file.Doc != nil {
			docs[filepath.Dir(path)]++
		}
	}
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("package in %s has %d doc comments, want 1", dir, n)
		}
	}
}

func TestEverySentinelErrorIsInTheErrorTable(t *testing.T) {
	files := sources(t)
	mapped := map[string]bool{}
	table := function(t, files["internal/cli/errors.go"], "mappings")
	ast.Inspect(table, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok {
				mapped[pkg.Name+"."+n.Sel.Name] = true
			}
		case *ast.Ident:
			mapped["cli."+n.Name] = true
		}
		return true
	})
	sentinels := 0
	for path, file := range files {
		for _, name := range sentinelsOf(file) {
			sentinels++
			if full := file.Name.Name + "." + name; !mapped[full] {
				t.Errorf("%s: %s has no row in the table of internal/cli/errors.go", path, full)
			}
		}
	}
	if sentinels < 20 {
		t.Errorf("found %d sentinel errors only: the test looks in the wrong place", sentinels)
	}
}

// sentinelsOf returns the package-level variables made by errors.New: exported
// ones, and in cli, which nobody imports, all of them.
func sentinelsOf(file *ast.File) []string {
	var names []string
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			v := spec.(*ast.ValueSpec)
			for i, value := range v.Values {
				if isCall(value, "errors", "New") && (v.Names[i].IsExported() || file.Name.Name == "cli") {
					names = append(names, v.Names[i].Name)
				}
			}
		}
	}
	return names
}

func TestValuesAreRevealedInTheseFunctionsOnly(t *testing.T) {
	want := []string{
		"internal/cli/exec.go newOutputs", "internal/cli/exec.go newOutputs", "internal/cli/lease.go leaseResult", "internal/cli/openclaw.go openclawResult", "internal/cli/project.go varsOf", "internal/cli/resolution.go refuseBinary",
		"rotate/rotate.go one", "rotate/show.go show",
		"store/change.go apply", "store/rotate.go FinishRotation", "store/rotate.go FinishRotation", "store/rotate.go FinishRotation", "store/value.go Len",
	}
	var got []string
	eachCall(t, func(path, in string, call *ast.CallExpr) {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Reveal" {
			got = append(got, path+" "+in)
		}
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("values are revealed in\n%q, want\n%q", got, want)
	}
}

func TestFilesAreOpenedByFsxOnly(t *testing.T) {
	opens := []string{"Open", "OpenFile", "OpenRoot", "Create", "CreateTemp", "ReadFile", "WriteFile", "Mkdir", "MkdirAll", "Remove", "RemoveAll", "Rename"}
	eachCall(t, func(path, in string, call *ast.CallExpr) {
		for _, name := range opens {
			if isCall(call, "os", name) && filepath.Dir(path) != "internal/fsx" && in != "openTerminal" && in != "bootID" {
				t.Errorf("%s: %s calls os.%s, which is for internal/fsx to do", path, in, name)
			}
		}
	})
}

func TestNothingRunsBeforeMain(t *testing.T) {
	for path, file := range sources(t) {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function, which every start would pay for", path)
			}
		}
	}
}

// sources parses the program's own files, without tests and test support.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || d.Name() == "crashfs") {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func eachCall(t *testing.T, visit func(path, in string, call *ast.CallExpr)) {
	t.Helper()
	files := sources(t)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		for _, decl := range files[path].Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					visit(path, f.Name.Name, call)
				}
				return true
			})
		}
	}
}

func function(t *testing.T, file *ast.File, name string) *ast.FuncDecl {
	t.Helper()
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == name {
			return f
		}
	}
	t.Fatalf("there is no function %s", name)
	return nil
}

func isCall(e ast.Expr, pkg, name string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg && sel.Sel.Name == name
}
