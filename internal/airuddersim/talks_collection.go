package airuddersim

import "slices"

// How a lender's robot begins, whoever answers.
const (
	lenderOpening = "Halo, selamat siang. Panggilan ini direkam untuk peningkatan layanan. Apakah benar saya berbicara dengan {mr} {name}?"
	lenderPurpose = "{mr}, saya asisten virtual dari {brand}. Kami mengingatkan tagihan {order} sebesar {amount} yang jatuh tempo pada {due}. Kapan bisa dilakukan pembayarannya?"
)

// collectionTalks are the calls of a lender that reminds of an instalment.
func collectionTalks() []talk { return slices.Concat(debtorTalks(), otherTalks()) }

// debtorTalks are those in which the debtor talks about paying.
func debtorTalks() []talk {
	return []talk{
		{
			weight: 30, intention: "A", description: "Janji bayar", hangup: "ByRobot",
			events: []pair{{"Identity", "Confirmed"}, {"Payment", "Promise_to_pay"}, {"final_label", "A"}},
			slots:  []pair{{"PaymentMethod", "{pay}"}, {"PaymentTime", "{when}"}, {"Amount", "{amount}"}},
			turns: []line{
				{lenderOpening, "Iya, betul, saya sendiri."},
				{lenderPurpose, "Oh iya, maaf belum sempat. Nanti saya bayar {when} ya."},
				{"Baik {mr}. Pembayarannya akan melalui apa? Bisa lewat transfer bank, ATM, atau minimarket.", "Lewat {pay} saja."},
				{"Baik, kami catat: {amount} dibayar {when} melalui {pay}. Apakah ada yang ingin ditanyakan?", "Tidak ada, terima kasih."},
				{"Terima kasih atas waktunya, {mr} {name}. Selamat beraktivitas.", ""},
			},
		},
		{
			weight: 14, intention: "B", description: "Minta perpanjangan", hangup: "ByCallee",
			events: []pair{{"Identity", "Confirmed"}, {"Payment", "Ask_extension"}, {"Reason", "Income_late"}, {"final_label", "B"}},
			slots:  []pair{{"PaymentTime", "{when}"}, {"Reason", "gaji terlambat"}},
			turns: []line{
				{lenderOpening, "Ya, ada apa?"},
				{lenderPurpose, "Waduh, gaji saya bulan ini terlambat. Bisa minta waktu sampai {when}?"},
				{"Kami mengerti, {mr}. Namun denda keterlambatan tetap berjalan. Apakah bisa membayar sebagian lebih dahulu?", "Belum bisa, tolong kasih waktu dulu."},
				{"Baik, kami sampaikan permohonan perpanjangan sampai {when} ke tim terkait. Mohon telepon tetap aktif.", "Iya, makasih ya."},
			},
		},
		{
			weight: 12, intention: "C", description: "Sudah bayar", hangup: "ByCallee",
			events: []pair{{"Identity", "Confirmed"}, {"Payment", "Already_paid"}, {"final_label", "C"}},
			slots:  []pair{{"PaymentMethod", "{pay}"}, {"PaymentTime", "kemarin"}},
			turns: []line{
				{lenderOpening, "Iya saya sendiri."},
				{lenderPurpose, "Lho, kemarin sudah saya bayar lewat {pay}, masa belum masuk?"},
				{"Baik {mr}, kami akan periksa. Apakah bukti pembayarannya masih disimpan?", "Masih ada, nanti saya kirim ke aplikasi."},
				{"Terima kasih. Jika sudah tercatat, mohon abaikan pengingat ini. Selamat siang.", ""},
			},
		},
	}
}

// otherTalks are those that come to nothing.
func otherTalks() []talk {
	return []talk{
		{
			weight: 10, intention: "E", description: "Salah sambung", hangup: "ByCallee",
			events: []pair{{"Identity", "Wrong_number"}, {"final_label", "E"}},
			turns: []line{
				{lenderOpening, "Bukan, salah sambung. Di sini tidak ada yang namanya {name}."},
				{"Mohon maaf atas ketidaknyamanannya. Apakah Anda mengenal {mr} {name}?", "Tidak kenal. Tolong nomor saya dihapus ya, sudah sering ditelepon soal ini."},
				{"Baik, kami catat bahwa nomor ini bukan milik yang bersangkutan dan kami teruskan ke tim terkait. Mohon maaf sekali lagi.", ""},
			},
		},
		{
			weight: 10, intention: "D", description: "Dijawab pihak ketiga", hangup: "ByRobot",
			events: []pair{{"Identity", "Third_party"}, {"Relation", "Family"}, {"final_label", "D"}},
			slots:  []pair{{"Relation", "keluarga"}, {"CallbackTime", "{when}"}},
			turns: []line{
				{lenderOpening, "Ini saudaranya. Orangnya lagi keluar, HP-nya ditinggal."},
				{"Baik. Kira-kira kapan {mr} {name} bisa dihubungi kembali?", "Coba {when} saja, biasanya sudah di rumah."},
				{"Terima kasih. Mohon sampaikan bahwa {brand} menelepon dan akan menghubungi kembali {when}.", "Oke, nanti saya sampaikan."},
			},
		},
		{
			weight: 8, intention: "G", description: "Keberatan atau komplain", hangup: "ByCallee",
			events: []pair{{"AskHelp_or_complain", "Complain_fee"}, {"Payment", "Refuse"}, {"final_label", "G"}},
			slots:  []pair{{"Complaint", "denda"}},
			turns: []line{
				{lenderOpening, "Iya, kenapa lagi?"},
				{lenderPurpose, "Dendanya kok besar sekali? Saya tidak setuju, kemarin janjinya tidak begini."},
				{"Kami mohon maaf, {mr}. Rincian tagihan dapat dilihat di aplikasi \"{brand}\". Apakah ingin dihubungkan dengan petugas?", "Iya, saya mau bicara sama orang, bukan mesin!"},
				{"Baik, petugas kami akan menghubungi paling lambat {when}.", ""},
			},
		},
		{
			weight: 12, intention: "O", description: "Ditutup saat pembukaan", hangup: "ByCallee",
			events: []pair{{"AskHelp_or_complain", "Hang_up_by_customer"}, {"Uncertainty", "Hang_up_at_company_info"}, {"final_label", "O"}},
			turns:  []line{{lenderOpening, "Halo?"}, {lenderPurpose, ""}},
		},
	}
}
