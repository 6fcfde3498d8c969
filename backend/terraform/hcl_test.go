package terraform

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

func TestStr(t *testing.T) {
	for in, want := range map[string]string{
		"":                              `""`,
		"plain":                         `"plain"`,
		"a \"b\" \\ \n\t\r":             `"a \"b\" \\ \n\t\r"`,
		stack.Account:                   `local.account`,
		stack.KeyARN:                    `aws_kms_key.key.arn`,
		"x-" + stack.Region + "-${y}":   `"x-${local.region}-$${y}"`,
		"${aws:PrincipalArn} %{if} $%":  `"$${aws:PrincipalArn} %%{if} $%"`,
		stack.Administrators:            `var.administrators`,
		"arn:" + stack.Partition + ":s": `"arn:${local.partition}:s"`,
	} {
		require.Equal(t, want, str(in), in)
	}
}

func TestLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"plain \"b\" \\\n":              `"plain \"b\" \\\n"`,
		stack.Administrators:            `"$${Administrators}"`,
		"of " + stack.KeyARN + " %{if}": `"of $${Key.Arn} %%{if}"`,
		"$${x}":                         `"$$${x}"`,
	} {
		require.Equal(t, want, literal(in), in)
	}
}

// TestWhatPeopleWriteIsText: a field's doc and an address look like placeholders.
func TestWhatPeopleWriteIsText(t *testing.T) {
	schema, err := record.NewSchema("env", 1, record.Field{Name: "a", Kind: record.Bool, Doc: stack.Administrators})
	require.NoError(t, err)
	o := model.Options{Project: "my-project", Alarms: model.Alarms{Email: "${Key.Arn}@example.com"}}
	m, err := model.New(o, []*record.Schema{schema})
	require.NoError(t, err)
	files, err := Files(m)
	require.NoError(t, err)
	require.Contains(t, string(files["job.tf"]), `comment = "$${Administrators}"`)
	require.Contains(t, string(files["alarms.tf"]), `= "$${Key.Arn}@example.com"`)
}

func TestPolicy(t *testing.T) {
	got := policy(2, stack.Document{Version: "2012-10-17", Statement: []stack.Statement{
		{
			Sid: "A", Effect: "Deny", Principal: map[string][]string{"AWS": {"*"}},
			Action: []string{"s3:GetObject", "s3:PutObject"}, Resource: []string{stack.KeyARN},
			Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"false"}}},
		},
		{Sid: "B", Effect: "Allow", Action: []string{strings.Repeat("a", 60), strings.Repeat("b", 60)}},
	}})
	require.Equal(t, `jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "A"
        Effect = "Deny"
        Principal = {
          AWS = "*"
        }
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = aws_kms_key.key.arn
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
      {
        Sid    = "B"
        Effect = "Allow"
        Action = [
          "`+strings.Repeat("a", 60)+`",
          "`+strings.Repeat("b", 60)+`",
        ]
      },
    ]
  })`, align(got))
}

func TestAlign(t *testing.T) {
	require.Equal(t, `
  a    = 1
  "bb" = { c = 2 }
  list = [
    3
  ]
  z = 4

  # c = 5
  x   = 6
  yyy = 7
}`, align(`
  a = 1
  "bb" = { c = 2 }
  list   = [
    3
  ]
  z      = 4

  # c = 5
  x = 6
  yyy = 7
}`))
}

func TestFiles(t *testing.T) {
	with, err := Files(backendtest.Model(t, func(o *model.Options) { o.Lambda.Enabled = true }))
	require.NoError(t, err)
	require.Contains(t, with, "lambda.tf")
	without, err := Files(backendtest.Model(t))
	require.NoError(t, err)
	require.NotContains(t, without, "lambda.tf")
	for name, text := range with {
		require.NotContains(t, string(text), "AWS::", name)
		require.NotContains(t, string(text), "<no value>", name)
		require.True(t, strings.HasSuffix(string(text), "}\n"), name)
		require.NotContains(t, string(text), "\n\n\n", name)
		if name != "lambda.tf" {
			require.NotContains(t, string(without[name]), "consumer", "%s: of a function that is not there", name)
		}
	}
}
