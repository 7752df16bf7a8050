package airuddersim

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// person is a customer as the CRM knows them.
type person struct {
	name, gender, number string
	comments             string // the customer's own reference
	extraA, extraB       string
	extraC               string
	amount, due          string
	order, city          string
}

var (
	menNames   = strings.Fields("Budi Agus Joko Rizky Hendra Eko Andi Wayan Made Ketut Yusuf Fajar Dedi Bambang Ilham Arif Galih Surya Doni Reza")
	womenNames = strings.Fields("Siti Dewi Putri Ratna Indah Fitri Dian Sri Ayu Nur Wulan Lestari Maya Rina Yuni Tuti Kartika Mega Anisa Nadia")
	lastNames  = strings.Fields("Santoso Wijaya Rahmawati Kusuma Hidayat Pratama Saputra Nugroho Siregar Simanjuntak Hartono Setiawan Maharani Puspita Lubis Tanjung Suryadi Wibowo Halim Pertiwi")
	cities     = []string{"Jakarta Timur", "Bekasi", "Bandung", "Surabaya", "Semarang", "Medan", "Makassar", "Yogyakarta", "Denpasar", "Palembang", "Tangerang Selatan", "Malang"}
	months     = strings.Fields("Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember")
)

// someone is the person of a row. r is the row's own stream.
func someone(r *rand.Rand, p product, taskNo, rowNo int) person {
	who := person{gender: "male", name: pick(r, menNames)}
	if r.IntN(2) == 0 {
		who.gender, who.name = "female", pick(r, womenNames)
	}
	who.name += " " + pick(r, lastNames)
	who.number = fmt.Sprintf("+62000%08d", r.IntN(100_000_000))
	who.comments = fmt.Sprintf("C%04d%05d", 1000+taskNo%9000, rowNo)
	who.amount = rupiah(150_000 + 25_000*r.IntN(180))
	who.due = fmt.Sprintf("%d %s", 1+r.IntN(28), pick(r, months))
	who.order = fmt.Sprintf("%s-%02d%06d", p.orderPrefix, taskNo%100, r.IntN(1_000_000))
	who.city = pick(r, cities)
	who.extraA, who.extraB, who.extraC = who.order, who.city, ""
	if r.IntN(3) == 0 {
		who.extraC = "prioritas"
	}
	return who
}

// salutation is how the robot addresses the person.
func (p person) salutation() string {
	if p.gender == "female" {
		return "Ibu"
	}
	return "Bapak"
}

// rupiah writes an amount the Indonesian way: Rp1.250.000.
func rupiah(n int) string {
	if n < 1_000_000 {
		return fmt.Sprintf("Rp%d.%03d", n/1000, n%1000)
	}
	return fmt.Sprintf("Rp%d.%03d.%03d", n/1_000_000, n/1000%1000, n%1000)
}
