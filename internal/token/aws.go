package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
)

// fromAWS signs a token for MSK with the credentials that AWS's own configuration gives:
// variables, files, a role of the pod or of the machine.
func (c Config) fromAWS(ctx context.Context) (Token, error) {
	account, err := config.LoadDefaultConfig(ctx)
	if err != nil { // whose text may quote a file
		return Token{}, errors.New("AWS's configuration (AWS_… variables, ~/.aws) cannot be read: `aws configure list` as the exporter's user says why")
	}
	region := cmp.Or(c.Region, account.Region)
	if region == "" {
		return Token{}, fmt.Errorf("the region of MSK is not known, by which %s=%s signs: set AWS_REGION", c.setting("Source"), MSKIAM)
	}
	text, ends, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, region, account.Credentials)
	if err != nil { // which may quote what a credential process has printed
		said := ""
		if answer, ok := errors.AsType[smithy.APIError](err); ok {
			said = " (" + answer.ErrorCode() + ")"
		}
		return Token{}, fmt.Errorf("AWS gives no credentials to sign a token with%s: give the exporter a role or AWS_… variables; "+
			"`aws sts get-caller-identity` as the exporter's user says more", said)
	}
	return Token{text, time.UnixMilli(ends)}, nil
}

// mskBroker is how MSK names brokers, such as b-1.one.abc.c2.kafka.eu-west-1.amazonaws.com:9098.
var mskBroker = regexp.MustCompile(`\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?:`)

// Region is where MSK's brokers are, by their names; empty: they have others.
func Region(brokers []string) string {
	for _, b := range brokers {
		if found := mskBroker.FindStringSubmatch(b); found != nil {
			return found[1]
		}
	}
	return ""
}
