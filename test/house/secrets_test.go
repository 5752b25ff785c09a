package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// privateTypes hold a private key in the clear. A struct field of such a type
// that is exported is printed by %v and written by encoding/json; the wrapper
// keys.Identity is redacted everywhere and may be a field.
var privateTypes = []string{
	"crypto.PrivateKey",
	"crypto.Signer",
	"crypto/ecdh.PrivateKey",
	"crypto/ecdsa.PrivateKey",
	"crypto/ed25519.PrivateKey",
	"crypto/rsa.PrivateKey",
	"filippo.io/age.HybridIdentity",
	"filippo.io/age.Identity",
	"filippo.io/age.ScryptIdentity",
	"filippo.io/age.X25519Identity",
	"filippo.io/age/agessh.Ed25519Identity",
	"filippo.io/age/agessh.EncryptedSSHIdentity",
	"filippo.io/age/agessh.RSAIdentity",
}

// privateNames are fields that hold a key as plain bytes or text.
var privateNames = []string{"DataKey", "PrivateKey", "SecretKey"}

// private returns the name of the private type that t is made of, if any.
func private(t types.Type) string {
	switch t := t.(type) {
	case *types.Alias:
		return private(types.Unalias(t))
	case *types.Named:
		if pkg := t.Obj().Pkg(); pkg != nil {
			if name := pkg.Path() + "." + t.Obj().Name(); slices.Contains(privateTypes, name) {
				return name
			}
		}
	case *types.Pointer:
		return private(t.Elem())
	case *types.Slice:
		return private(t.Elem())
	case *types.Array:
		return private(t.Elem())
	case *types.Chan:
		return private(t.Elem())
	case *types.Map:
		return private(t.Key()) + private(t.Elem())
	}
	return ""
}

// plain reports whether t is bytes or text.
func plain(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0
	case *types.Slice:
		return types.Identical(t.Elem(), types.Typ[types.Byte])
	case *types.Array:
		return types.Identical(t.Elem(), types.Typ[types.Byte])
	}
	return false
}

// exposed returns the exported struct fields in a file that hold a key.
func exposed(file *ast.File, info *types.Info) []*ast.Ident {
	var found []*ast.Ident
	ast.Inspect(file, func(n ast.Node) bool {
		structure, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range structure.Fields.List {
			t := info.TypeOf(field.Type)
			if t == nil {
				continue
			}
			names := field.Names
			if len(names) == 0 {
				names = []*ast.Ident{embedded(field.Type)}
			}
			for _, name := range names {
				if name != nil && name.IsExported() &&
					(private(t) != "" || slices.Contains(privateNames, name.Name) && plain(t)) {
					found = append(found, name)
				}
			}
		}
		return true
	})
	return found
}

// embedded returns the name of an embedded field.
func embedded(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.StarExpr:
		return embedded(e.X)
	case *ast.SelectorExpr:
		return e.Sel
	}
	return nil
}

func TestNoExportedFieldHoldsAKey(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
		Dir: root,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range loaded {
		for _, e := range l.Errors {
			t.Errorf("%s: %v", l.PkgPath, e)
		}
		if slices.Contains(support, placeOf(dirOf(l.PkgPath)).layer) {
			continue
		}
		for _, file := range l.Syntax {
			for _, name := range exposed(file, l.TypesInfo) {
				t.Errorf("%s: the exported field %s holds a key in the clear, which %%v and JSON would print: make it unexported or keep it in keys.Identity",
					relative(l.Fset.Position(name.Pos())), name.Name)
			}
		}
	}
}

// relative writes a position with its path from the root of the repository.
func relative(p token.Position) string {
	if base, err := filepath.Abs(root); err == nil {
		p.Filename = strings.TrimPrefix(p.Filename, base+string(filepath.Separator))
	}
	return p.String()
}

func TestKeyFieldRule(t *testing.T) {
	const text = `package x
import ( "crypto/ed25519"; "crypto" )
type bytes []byte
type a struct {
	Key ed25519.PrivateKey
	Keys map[string][]ed25519.PrivateKey
	DataKey bytes
	PrivateKey string
	ed25519.PrivateKey
	nested struct { Deep *crypto.Signer }
}
type b struct {
	key ed25519.PrivateKey
	Public ed25519.PublicKey
	DataKey int
	Name string
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes, Dir: root}, "crypto", "crypto/ed25519")
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{
		Importer: importerOf(loaded),
		Error:    func(error) {}, // two fields of one name and unused fields do not matter here
	}
	if _, err := config.Check("x", fset, []*ast.File{file}, info); err != nil && !strings.Contains(err.Error(), "redeclared") {
		t.Fatal(err)
	}
	var got []string
	for _, name := range exposed(file, info) {
		got = append(got, name.Name)
	}
	want := []string{"Key", "Keys", "DataKey", "PrivateKey", "PrivateKey", "Deep"}
	if !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

type importerOf []*packages.Package

// Import finds a loaded package.
func (l importerOf) Import(path string) (*types.Package, error) {
	for _, p := range l {
		if p.PkgPath == path {
			return p.Types, nil
		}
	}
	return nil, &packages.Error{Msg: "no package " + path, Kind: packages.ListError}
}
