package prooftest

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// guarded is a world on the secured broker, and a user of its own who has no
// right there that grant did not give. The world's own hands have all.
type guarded struct {
	*world
	user, password string
	rights         []right // of the user now
}

// newGuarded opens a world on the broker of TEST_KAFKA_SECURE_BROKERS.
func newGuarded(t *testing.T, cfg airuddersim.Config) *guarded {
	t.Helper()
	if os.Getenv("TEST_KAFKA_SECURE_BROKERS") == "" {
		t.Skip("TEST_KAFKA_SECURE_BROKERS is not set")
	}
	k := rig.DialKafka(t, true, os.Getenv("TEST_KAFKA_SECURE_INTERNAL"))
	w := openWorld(k, cfg, nil)
	g := &guarded{world: w, user: "exporter-of-" + w.Topics.Ledger, password: rand.Text()}
	g.createUser()
	t.Cleanup(func() { g.revoke(g.rights...) })
	return g
}

// exporter is one that reaches the brokers as the user, without a proxy.
func (g *guarded) exporter(name string, settings ...string) *child {
	g.T.Helper()
	return g.world.exporter(name, append([]string{
		"KAFKA_BROKERS=" + os.Getenv("TEST_KAFKA_SECURE_BROKERS"),
		"KAFKA_TLS_ENABLED=true", "KAFKA_TLS_CA_FILE=" + os.Getenv("TEST_KAFKA_SECURE_CA"),
		"KAFKA_SASL_MECHANISM=SCRAM-SHA-512", "KAFKA_SASL_USERNAME=" + g.user, "KAFKA_SASL_PASSWORD=" + g.password,
	}, settings...)...)
}

// createUser makes the user known by SCRAM-SHA-512.
func (g *guarded) createUser() {
	g.T.Helper()
	const iterations = 4096
	salt := []byte(rand.Text())
	salted, err := pbkdf2.Key(sha512.New, g.password, salt, iterations, sha512.Size)
	if err != nil {
		g.T.Fatal(err)
	}
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	u.Name, u.Mechanism, u.Iterations, u.Salt, u.SaltedPassword = g.user, 2, iterations, salt, salted
	req.Upsertions = append(req.Upsertions, u)
	if _, err := rig.Ask[kmsg.AlterUserSCRAMCredentialsResponse](g.Kafka, req); err != nil {
		g.T.Fatalf("create user %s: %v", g.user, err)
	}
}

// right is one line of the table in deploy/OPERATING.md.
type right struct {
	operation kmsg.ACLOperation
	resource  kmsg.ACLResourceType
	name      string
	prefixed  bool
}

func (r right) String() string {
	switch r.resource {
	case kmsg.ACLResourceTypeGroup:
		return fmt.Sprintf("%s on the group %q", operationNames[r.operation], r.name)
	case kmsg.ACLResourceTypeTransactionalId:
		return fmt.Sprintf("%s on the transactional ids that begin with %q", operationNames[r.operation], r.name)
	}
	return fmt.Sprintf("%s on the topic %q", operationNames[r.operation], r.name)
}

var operationNames = map[kmsg.ACLOperation]string{
	kmsg.ACLOperationRead: "Read", kmsg.ACLOperationWrite: "Write", kmsg.ACLOperationCreate: "Create", kmsg.ACLOperationDescribeConfigs: "DescribeConfigs",
}

// rightsOn are those that deploy/OPERATING.md lists.
func rightsOn(t rig.Topics, assignment string, create bool) (all []right) {
	topic := func(operation kmsg.ACLOperation, names ...string) {
		for _, name := range names {
			all = append(all, right{operation, kmsg.ACLResourceTypeTopic, name, false})
		}
	}
	topic(kmsg.ACLOperationRead, t.Ledger, t.Events)
	topic(kmsg.ACLOperationWrite, t.All()...)
	topic(kmsg.ACLOperationDescribeConfigs, t.All()...)
	all = append(all, right{kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTransactionalId, t.Ledger + "-", true})
	if assignment == "group" {
		all = append(all, right{kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup, t.Ledger + "-exporters", false})
	}
	if create {
		topic(kmsg.ACLOperationCreate, t.All()...)
	}
	return all
}

// without is all but one.
func without(all []right, not right) []right {
	return slices.DeleteFunc(slices.Clone(all), func(r right) bool { return r == not })
}

func (r right) pattern() kmsg.ACLResourcePatternType {
	if r.prefixed {
		return kmsg.ACLResourcePatternTypePrefixed
	}
	return kmsg.ACLResourcePatternTypeLiteral
}

// grant gives the user rights.
func (g *guarded) grant(rights ...right) {
	g.T.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, r := range rights {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = r.resource, r.name, r.pattern()
		c.Principal, c.Host, c.Operation, c.PermissionType = "User:"+g.user, "*", r.operation, kmsg.ACLPermissionTypeAllow
		req.Creations = append(req.Creations, c)
	}
	if _, err := rig.Ask[kmsg.CreateACLsResponse](g.Kafka, req); err != nil {
		g.T.Fatalf("grant %v: %v", rights, err)
	}
	g.rights = append(g.rights, rights...)
	g.awaitRights()
}

// revoke takes rights away.
func (g *guarded) revoke(rights ...right) {
	g.T.Helper()
	req := kmsg.NewPtrDeleteACLsRequest()
	user, host := "User:"+g.user, "*"
	for _, r := range rights {
		f := kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourceName, f.ResourcePatternType = r.resource, &r.name, r.pattern()
		f.Principal, f.Host, f.Operation, f.PermissionType = &user, &host, r.operation, kmsg.ACLPermissionTypeAllow
		req.Filters = append(req.Filters, f)
	}
	if _, err := rig.Ask[kmsg.DeleteACLsResponse](g.Kafka, req); err != nil {
		g.T.Errorf("revoke %v: %v", rights, err)
	}
	g.rights = slices.DeleteFunc(slices.Clone(g.rights), func(r right) bool { return slices.Contains(rights, r) })
	g.awaitRights()
}

// awaitRights waits until the broker goes by what was granted and revoked,
// which is a little after its answer.
func (g *guarded) awaitRights() {
	g.T.Helper()
	req, user := kmsg.NewPtrDescribeACLsRequest(), "User:"+g.user
	req.ResourceType, req.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	req.Principal, req.Operation, req.PermissionType = &user, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	rig.Eventually(g.T, fmt.Sprintf("%d rights", len(g.rights)), rig.Patience, func() bool {
		res, err := rig.Ask[kmsg.DescribeACLsResponse](g.Kafka, req)
		if err != nil {
			return false
		}
		n := 0
		for _, resource := range res.Resources {
			n += len(resource.ACLs)
		}
		return n == len(g.rights)
	})
}

// makeTopics creates the topics as an operator does.
func (g *guarded) makeTopics() {
	g.T.Helper()
	for _, topic := range g.Topics.All() {
		if topic == g.Topics.Ledger {
			g.Create(topic, 1, compacted)
		} else {
			g.Create(topic, 1)
		}
	}
}
