package airuddersim

import "slices"

// How a shop's robot begins when it confirms a delivery.
const (
	shopOpening = "Halo, selamat siang, saya asisten virtual dari {brand}. Panggilan ini direkam untuk peningkatan layanan. Apakah benar dengan {mr} {name}?"
	shopPurpose = "Paket {order} senilai {amount} dengan bayar di tempat dijadwalkan tiba di {city} {when}. Apakah bisa diterima?"
)

// deliveryTalks are the calls of a shop that confirms a delivery.
func deliveryTalks() []talk { return slices.Concat(acceptedTalks(), refusedTalks()) }

// acceptedTalks are those in which the customer wants the parcel.
func acceptedTalks() []talk {
	return []talk{
		{
			weight: 36, intention: "A", description: "Bersedia menerima paket", hangup: "ByRobot",
			events: []pair{{"Delivery", "Accepted"}, {"final_label", "A"}},
			slots:  []pair{{"DeliveryTime", "{when}"}, {"City", "{city}"}},
			turns: []line{
				{shopOpening, "Iya, benar."},
				{shopPurpose, "Bisa, saya di rumah kok. Jam berapa kira-kira?"},
				{"Kurir akan datang antara pukul sepuluh pagi dan tiga sore. Mohon siapkan uang pas sebesar {amount} ya, {mr}.", "Oke siap, ditunggu."},
				{"Terima kasih sudah berbelanja di {brand}. Semoga harinya menyenangkan!", ""},
			},
		},
		{
			weight: 18, intention: "B", description: "Minta jadwal ulang", hangup: "ByRobot",
			events: []pair{{"Delivery", "Reschedule"}, {"final_label", "B"}},
			slots:  []pair{{"DeliveryTime", "{when}"}},
			turns: []line{
				{shopOpening, "Iya, saya sendiri, dengan siapa ini?"},
				{shopPurpose, "Jangan dulu ya, saya lagi di luar kota. Bisa {when} saja?"},
				{"Bisa, {mr}. Kami ubah jadwal pengirimannya menjadi {when}. Alamatnya tetap di {city}?", "Iya, alamatnya tetap sama."},
				{"Baik, jadwal sudah kami perbarui. Terima kasih.", "Sama-sama."},
			},
		},
		{
			weight: 10, intention: "C", description: "Ubah alamat", hangup: "ByRobot",
			events: []pair{{"Delivery", "Change_address"}, {"AskHelp_or_complain", "Address"}, {"final_label", "C"}},
			slots:  []pair{{"City", "{city}"}, {"Landmark", "dekat masjid"}},
			turns: []line{
				{shopOpening, "Betul."},
				{shopPurpose, "Bisa, tapi alamatnya tolong diganti ke rumah mertua saya, masih di {city}, dekat masjid."},
				{"Baik {mr}, kami kirim tautan untuk mengubah alamat. Mohon diisi sebelum pukul delapan malam.", "Oke, dikirim saja."},
			},
		},
	}
}

// refusedTalks are the others.
func refusedTalks() []talk {
	return []talk{
		{
			weight: 10, intention: "D", description: "Batal pesan", hangup: "ByCallee",
			events: []pair{{"Delivery", "Cancelled_by_customer"}, {"Reason", "Too_long"}, {"final_label", "D"}},
			slots:  []pair{{"Reason", "terlalu lama"}},
			turns: []line{
				{shopOpening, "Iya kenapa?"},
				{shopPurpose, "Kelamaan, saya sudah beli di toko lain. Batalkan saja."},
				{"Mohon maaf atas keterlambatannya. Apakah benar pesanan {order} ingin dibatalkan?", "Iya, batal."},
			},
		},
		{
			weight: 8, intention: "E", description: "Salah sambung", hangup: "ByCallee",
			events: []pair{{"Identity", "Wrong_number"}, {"final_label", "E"}},
			turns: []line{
				{shopOpening, "Salah sambung, Mas."},
				{"Mohon maaf, nomor ini akan kami periksa kembali.", ""},
			},
		},
		{
			weight: 10, intention: "O", description: "Ditutup saat pembukaan", hangup: "ByCallee",
			events: []pair{{"Uncertainty", "Hang_up_at_company_info"}, {"final_label", "O"}},
			turns:  []line{{shopOpening, "Halo? Halo?"}, {shopPurpose, ""}},
		},
	}
}

// promoTalks are the calls of a shop with an offer.
func promoTalks() []talk {
	const opening = "Halo, selamat siang {mr} {name}, saya asisten virtual dari {brand}. Panggilan ini direkam untuk peningkatan layanan. Boleh minta waktunya satu menit?"
	const offer = "Khusus pelanggan setia di {city}, ada voucher potongan {amount} untuk belanja sampai {due}, berlaku untuk semua kategori dan bisa digabung dengan gratis ongkos kirim. Apakah berminat?"
	return []talk{
		{
			weight: 26, intention: "A", description: "Berminat", hangup: "ByRobot",
			events: []pair{{"Interest", "Interested"}, {"Channel", "SMS"}, {"final_label", "A"}},
			slots:  []pair{{"Channel", "SMS"}, {"Voucher", "{order}"}},
			turns: []line{
				{opening, "Boleh, silakan."},
				{offer, "Wah, boleh juga. Syaratnya apa?"},
				{"Tanpa minimum belanja, {mr}. Cukup masukkan kode {order} saat pembayaran. Kami kirim kodenya lewat SMS, ya?", "Iya, kirim saja lewat SMS."},
				{"Baik, kode sudah kami kirim. Terima kasih dan selamat berbelanja di {brand}!", ""},
			},
		},
		{
			weight: 22, intention: "B", description: "Pikir-pikir dulu", hangup: "ByRobot",
			events: []pair{{"Interest", "Undecided"}, {"final_label", "B"}},
			slots:  []pair{{"CallbackTime", "{when}"}},
			turns: []line{
				{opening, "Lagi kerja nih, tapi cepat saja."},
				{offer, "Hmm, nanti saya lihat-lihat dulu di aplikasinya."},
				{"Baik {mr}. Boleh kami hubungi kembali {when}?", "Boleh, {when} sore."},
			},
		},
		{
			weight: 26, intention: "E", description: "Tidak berminat", hangup: "ByCallee",
			events: []pair{{"Interest", "Not_interested"}, {"final_label", "D"}},
			turns: []line{
				{opening, "Promo ya? Tidak, terima kasih."},
				{"Baik. Apakah {mr} ingin berhenti menerima informasi promo dari kami?", "Iya, tolong jangan telepon lagi."},
				{"Baik, nomor ini tidak akan kami hubungi lagi untuk promo. Selamat siang.", ""},
			},
		},
		{
			weight: 12, intention: "O", description: "Ditutup saat pembukaan", hangup: "ByCallee",
			events: []pair{{"Uncertainty", "Hang_up_at_opening"}, {"final_label", "O"}},
			turns:  []line{{opening, ""}},
		},
	}
}
