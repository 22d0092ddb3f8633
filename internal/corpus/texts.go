package corpus

var (
	domains = []string{".example.com", ".shop.example.org", "news.example.net", "login.example.com"}
	cookies = []string{"session", "_ga_123456", "csrftoken", "pref", "lang", "cart"}
	events  = []string{"order.created", "order.paid", "page.view", "cart.updated", "user.login"}
	cities  = []string{"Berlin", "Köln", "Paris", "São Paulo", "Kraków", "Helsinki", "Porto", "Lyon"}
	agents  = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML) Safari/17.4",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
	}
	phrases = []string{
		"", "", "", "", "\"quoted\", ", "naïve café. ", "as follows:\n", "déjà vu; ", "1,024 of them. ",
	}
	syllables = []string{
		"ta", "ri", "no", "le", "ver", "sta", "mon", "de", "ka", "lin", "so", "per", "ma", "en", "tor", "bu", "chi",
		"gra", "vo", "el", "an", "dro", "fe", "gos", "hal", "im", "jur", "kep", "lo", "mi", "nar", "ob", "pra", "quen",
		"rus", "sil", "tre", "ul", "wes", "xo", "yal", "zen", "bri", "cor", "dun", "eth", "flo", "gir", "hom", "ix",
	}
)
