package python_test

import (
	"fmt"
	"strings"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/python"
	"github.com/rivulet-iot/rivulet/record"
)

func Example() {
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float, Unit: "Cel"})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := model.New(model.Options{Project: "my-project"}, []*record.Schema{schema})
	if err != nil {
		fmt.Println(err)
		return
	}
	script, err := python.Script(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(string(script)) {
		if strings.HasPrefix(line, "MODEL") || strings.HasPrefix(line, `  "table"`) || strings.HasPrefix(line, "if __name__") {
			fmt.Print(line)
		}
	}
	// Output:
	// MODEL: Any = json.loads(r"""
	//   "table": "env",
	// if __name__ == "__main__":
}
