package airuddersim

import "math/rand/v2"

// product is a line of business: who calls, and which talks it leads to.
type product struct {
	name        string // in the task's name
	orderPrefix string
	brands      []string // invented
	talks       []talk
}

// talk is one way a call can go once somebody answers. Labels belong to the
// robot: the same letter means different things for different products.
type talk struct {
	weight      int
	intention   string
	description string
	hangup      string
	events      []pair // robot-specific labels; final_label last
	slots       []pair
	turns       []line
}

// pair is one entry of EventLabel or NerSlots, in the order it is sent.
type pair struct{ key, value string }

// line is one turn: what the robot says, then what the callee answers. The
// placeholders are {name} {mr} {brand} {amount} {due} {order} {city} {pay} {when}.
type line struct{ robot, callee string }

// products are the lines of business there are; a task has one of them.
func products() []product {
	return []product{
		{"Penagihan", "KTA", []string{"Dana Melati Raya", "Pinjam Kencana", "KreditNusa Lestari", "Tunai Cemara"}, collectionTalks()},
		{"Konfirmasi-Pengiriman", "PKT", []string{"Pasar Jingga", "Toko Rampai", "Belanja Kenari"}, deliveryTalks()},
		{"Promo", "VCR", []string{"Pasar Jingga", "Kebaya Senja", "Gadget Merapi"}, promoTalks()},
	}
}

// how a caller can pay, and when: what {pay} and {when} become.
var (
	payWays  = []string{"transfer bank", "ATM", "dompet digital", "minimarket", "virtual account"}
	payTimes = []string{"hari ini", "besok", "lusa", "hari Jumat", "akhir pekan", "tanggal gajian"}
)

// chooseTalk draws one talk by weight.
func chooseTalk(r *rand.Rand, talks []talk) talk {
	total := 0
	for _, t := range talks {
		total += t.weight
	}
	n := r.IntN(total)
	for _, t := range talks {
		if n -= t.weight; n < 0 {
			return t
		}
	}
	return talks[len(talks)-1]
}
