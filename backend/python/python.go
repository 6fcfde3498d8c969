package python

import (
	"embed"

	"github.com/rivulet-iot/rivulet/backend/model"
)

//go:embed rivulet_*.py
var modules embed.FS

// Script returns the Glue job's script: PySpark, one file for Glue 6.0 and 5.1. The
// same model always gives the same bytes.
func Script(m *model.Model) ([]byte, error) { return bundle(modules, "rivulet_job", m.JSON()) }

// Lambda returns the Lambda function's handler, one file.
func Lambda(m *model.Model) ([]byte, error) { return bundle(modules, "rivulet_lambda", m.JSON()) }

// Trial returns the program that runs a job's script on Spark on one machine, over
// sample records; its docstring says how.
func Trial() ([]byte, error) { return modules.ReadFile("rivulet_try.py") }
