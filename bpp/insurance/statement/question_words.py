"""The answers to what drivers ask, as texts: English and Malay, with the same keys and names."""

from collections.abc import Mapping
from types import MappingProxyType

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "ask_nothing_set_aside": "Nothing has been set aside for you here.",
        "ask_covered_not_confirmed": (
            "Not confirmed by {institution}: we hold no signed answer of theirs that you are "
            "covered, so we cannot say that you are, nor from when."
        ),
        "ask_covered_yes": (
            "Yes: {institution} signed that you are covered under {plan}, from {begins} until "
            "{ends}. The proof is its credential {id}: wayfare statement answers, or in the app."
        ),
        "ask_covered_later": "Not yet: {institution} signed that you are, from {begins} on.",
        "ask_covered_ended": "No longer by what {institution} signed: {id} ended at {ends}.",
        "ask_covered_revoked": "No longer: {institution} took {id} back from {ends} on.",
        "ask_covered_money": (
            "What the books do say: {total} was set aside for you, of which {institution} has "
            "acknowledged {acknowledged}. Money set aside or sent is not cover."
        ),
        "ask_covered_proof": (
            "Proof is only what {institution} itself signs. Ask them, and show your slips."
        ),
        "ask_covered_fee": "What is paid to {institution} is a fee. A fee is not cover.",
        "ask_where_period": "{period}: {total}, borne by {bearer}.",
        "ask_where_not_due": "{amount} is set aside for jobs that are not over.",
        "ask_where_due": "{amount} is due and with the cooperative; it is not declared yet.",
        "ask_where_declared": "{amount} is declared to {institution} and not sent yet.",
        "ask_where_sent": "{amount} is on its way to {institution}; they have not acknowledged it.",
        "ask_where_acknowledged": "{amount} was received by {institution}: they acknowledged it.",
        "ask_held": "{amount} is yours and held for you: it is more than the plan takes.",
        "ask_held_none": "Nothing of it is held back beyond a plan so far.",
        "ask_why": "{amount} for {scheme}:",
        "ask_why_period": (
            "All jobs of {period} are {orders}, each rounded alone; rounded once and limited for "
            "the whole period it is {total}."
        ),
        "ask_why_yours": "Of it you bear {amount}, the cooperative the rest.",
        "ask_prepaid_seen": (
            "You bought plan {plan} from {month} on for {months} month(s); we saw the receipt."
        ),
        "ask_prepaid_told": (
            "You told us of plan {plan} from {month} on for {months} month(s); we did not see the "
            "receipt, so it does not count yet. Bring it."
        ),
        "ask_prepaid_none": "No plan that you bought ahead stands in our books. Bring its receipt.",
        "ask_prepaid_counts": (
            "{scheme}: what you bought ahead and we saw is counted; beyond it {total} was taken "
            "from you."
        ),
        "ask_prepaid_counts_not": (
            "{scheme}: {total} is your part of what was set aside on your jobs. It goes on even if "
            "you prepaid, because {institution} has not told us in writing that a plan bought "
            "ahead takes its place."
        ),
        "ask_both_own": "{period}: {total} here, by the jobs of this cooperative alone.",
        "ask_both_unseen": (
            "We cannot see what another cooperative set aside. So we do not tell you that anything "
            "lacks or is too much: only all together can show it, and only the institution decides."
        ),
        "ask_both_merge": (
            "Put your slips of all cooperatives into one folder and run, on your own device: "
            "wayfare statement merge SLIP... It tells one shortfall, not two, and what to claim."
        ),
        "ask_owe_nothing": "You owe the cooperative nothing.",
        "ask_owe_cash": (
            "You owe {amount} of fare cash: commission and contributions of cash jobs. It is taken "
            "from the pay of prepaid jobs, or pay it in at the desk."
        ),
        "ask_owe_other": "You owe {amount} for another reason, such as a refund that you bear.",
        "ask_owe_limit": "From {limit} of fare cash on you get no new cash jobs until it is less.",
        "ask_leave_to_you": "The cooperative owes you {pay} of pay and {tips} of tips.",
        "ask_leave_you_owe": "You owe {cash} of fare cash and {other} of other money.",
        "ask_leave_get": "If you leave now you get {amount}.",
        "ask_leave_pay": "If you leave now you still have to pay {amount}.",
        "ask_leave_set_aside": (
            "{amount} set aside and not yet acknowledged still goes to the institutions, whether "
            "you stay or leave."
        ),
        "ask_leave_credit": "{amount} is your credit at {institution}; it stays yours.",
        "ask_leave_slips": "Your slips and statements stay yours, and can be checked without us.",
    }
)

MALAY: Mapping[str, str] = MappingProxyType(
    {
        "ask_nothing_set_aside": "Tiada apa-apa diasingkan untuk anda di sini.",
        "ask_covered_not_confirmed": (
            "Belum disahkan oleh {institution}: kami tidak menyimpan jawapan bertandatangan mereka "
            "bahawa anda dilindungi, maka kami tidak dapat mengatakannya, atau sejak bila."
        ),
        "ask_covered_yes": (
            "Ya: {institution} menandatangani bahawa anda dilindungi di bawah {plan}, dari "
            "{begins} hingga {ends}. Buktinya ialah kelayakan {id}: wayfare statement answers, "
            "atau dalam aplikasi."
        ),
        "ask_covered_later": "Belum: {institution} menandatangani bahawa ya, mulai {begins}.",
        "ask_covered_ended": "Tidak lagi menurut {institution}: {id} tamat pada {ends}.",
        "ask_covered_revoked": "Tidak lagi: {institution} menarik balik {id} mulai {ends}.",
        "ask_covered_money": (
            "Apa yang tercatat dalam buku: {total} diasingkan untuk anda, dan {institution} telah "
            "mengesahkan terima {acknowledged}. Wang yang diasingkan atau dihantar bukan "
            "perlindungan."
        ),
        "ask_covered_proof": (
            "Bukti hanyalah apa yang ditandatangani oleh {institution} sendiri. Tanya mereka, dan "
            "tunjukkan slip anda."
        ),
        "ask_covered_fee": "Bayaran kepada {institution} ialah fi. Fi bukan perlindungan.",
        "ask_where_period": "{period}: {total}, ditanggung oleh {bearer}.",
        "ask_where_not_due": "{amount} diasingkan bagi kerja yang belum selesai.",
        "ask_where_due": "{amount} perlu dibayar dan ada pada koperasi; belum diisytihar.",
        "ask_where_declared": "{amount} diisytihar kepada {institution} dan belum dihantar.",
        "ask_where_sent": "{amount} dalam perjalanan ke {institution}; belum disahkan terima.",
        "ask_where_acknowledged": "{amount} telah diterima dan disahkan oleh {institution}.",
        "ask_held": "{amount} milik anda dan disimpan untuk anda: ia melebihi pelan.",
        "ask_held_none": "Setakat ini tiada yang disimpan melebihi pelan.",
        "ask_why": "{amount} bagi {scheme}:",
        "ask_why_period": (
            "Semua kerja dalam {period} ialah {orders} jika dibundarkan satu demi satu; "
            "dibundarkan sekali dan dihadkan bagi seluruh tempoh ia ialah {total}."
        ),
        "ask_why_yours": "Daripadanya anda menanggung {amount}, koperasi menanggung bakinya.",
        "ask_prepaid_seen": (
            "Anda membeli pelan {plan} mulai {month} bagi {months} bulan; kami melihat resitnya."
        ),
        "ask_prepaid_told": (
            "Anda memberitahu tentang pelan {plan} mulai {month} bagi {months} bulan; kami belum "
            "melihat resitnya, maka ia belum dikira. Bawa resit itu."
        ),
        "ask_prepaid_none": "Tiada pelan yang anda beli dahulu dalam buku kami. Bawa resitnya.",
        "ask_prepaid_counts": (
            "{scheme}: apa yang anda beli dahulu dan kami lihat telah dikira; melebihinya {total} "
            "diambil daripada anda."
        ),
        "ask_prepaid_counts_not": (
            "{scheme}: {total} ialah bahagian anda yang diasingkan daripada kerja anda. Ia "
            "diteruskan walaupun anda membayar dahulu, kerana {institution} belum memberitahu kami "
            "secara bertulis bahawa pelan yang dibeli dahulu menggantikannya."
        ),
        "ask_both_own": "{period}: {total} di sini, oleh kerja koperasi ini sahaja.",
        "ask_both_unseen": (
            "Kami tidak dapat melihat apa yang diasingkan oleh koperasi lain. Maka kami tidak "
            "mengatakan ada yang kurang atau lebih: hanya semua bersama dapat menunjukkannya, dan "
            "hanya institusi memutuskannya."
        ),
        "ask_both_merge": (
            "Kumpulkan slip semua koperasi dan jalankan pada peranti anda sendiri: wayfare "
            "statement merge SLIP... Ia memberitahu satu kekurangan, bukan dua, dan apa yang boleh "
            "dituntut."
        ),
        "ask_owe_nothing": "Anda tidak berhutang dengan koperasi.",
        "ask_owe_cash": (
            "Anda berhutang {amount} tunai tambang: komisen dan caruman kerja tunai. Ia ditolak "
            "daripada bayaran kerja prabayar, atau bayar di kaunter."
        ),
        "ask_owe_other": "Anda berhutang {amount} atas sebab lain, seperti pulangan tambang.",
        "ask_owe_limit": (
            "Mulai {limit} tunai tambang anda tidak mendapat kerja tunai baharu sehingga ia kurang."
        ),
        "ask_leave_to_you": "Koperasi berhutang kepada anda {pay} bayaran dan {tips} tip.",
        "ask_leave_you_owe": "Anda berhutang {cash} tunai tambang dan {other} wang lain.",
        "ask_leave_get": "Jika anda keluar sekarang anda menerima {amount}.",
        "ask_leave_pay": "Jika anda keluar sekarang anda masih perlu membayar {amount}.",
        "ask_leave_set_aside": (
            "{amount} yang diasingkan dan belum disahkan terima tetap pergi kepada institusi, sama "
            "ada anda kekal atau keluar."
        ),
        "ask_leave_credit": "{amount} ialah kredit anda di {institution}; ia kekal milik anda.",
        "ask_leave_slips": "Slip dan penyata ini kekal milik anda, dan boleh disemak tanpa kami.",
    }
)
