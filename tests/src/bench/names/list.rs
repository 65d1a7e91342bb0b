//! Two hundred names of many origins.
//!
//! Owns: the list. Invariant: made up of common given and family names, each once; nobody is meant.

#[rustfmt::skip]
/// Names by where they are common.
pub(super) const NAMES: [(&str, [&str; 20]); 10] = [
    ("english", [
        "Emily Watson", "James Carter", "Olivia Bennett", "Harry Turner", "Charlotte Hughes",
        "George Palmer", "Lucy Sanders", "Edward Collins", "Hannah Foster", "Samuel Price",
        "Rebecca Shaw", "Philip Barker", "Megan Lawson", "Andrew Norris", "Victoria Lane",
        "Daniel Pearce", "Sophie Marsh", "Matthew Dixon", "Abigail Hunt", "Christopher Webb",
    ]),
    ("irish and scottish", [
        "Aoife Brennan", "Ciaran Doyle", "Niamh Gallagher", "Sean Murphy", "Saoirse Nolan",
        "Eoin Kavanagh", "Maeve Sullivan", "Padraig Burke", "Grainne Walsh", "Cormac Quinn",
        "Fiona Campbell", "Hamish Stewart", "Catriona Fraser", "Angus Macleod", "Isla Drummond",
        "Callum Ferguson", "Morag Sinclair", "Duncan Menzies", "Ailsa Buchanan", "Lachlan Munro",
    ]),
    ("german and dutch", [
        "Jürgen Schäfer", "Heike Vogel", "Wolfgang Krause", "Sabine Lehmann", "Matthias Brandt",
        "Ulrike Zimmermann", "Dieter Hoffmann", "Anneliese Bauer", "Stefan Köhler", "Gisela Winter",
        "Willem de Vries", "Anouk van Dijk", "Joost Bakker", "Femke Visser", "Pieter Mulder",
        "Saskia Jansen", "Ruben Smit", "Lotte Hendriks", "Bram Kuiper", "Marijke Dekker",
    ]),
    ("french", [
        "Benoît Lefèvre", "Amélie Rousseau", "Guillaume Girard", "Chloé Fontaine", "Étienne Moreau",
        "Margaux Chevalier", "François Gauthier", "Juliette Marchand", "Xavier Lambert", "Camille Renard",
        "Mathieu Perrin", "Océane Bertrand", "Thierry Blanchard", "Élodie Garnier", "Yves Delacroix",
        "Solène Picard", "Laurent Boucher", "Manon Charpentier", "Olivier Besson", "Noémie Leclerc",
    ]),
    ("spanish and portuguese", [
        "Javier Hernández", "Lucía Morales", "Alejandro Ruiz", "Carmen Ortega", "Ignacio Delgado",
        "Pilar Navarro", "Rodrigo Castillo", "Ximena Aguilar", "Joaquín Peña", "Marisol Vega",
        "João Carvalho", "Beatriz Ferreira", "Tiago Oliveira", "Inês Almeida", "Rui Teixeira",
        "Mariana Nogueira", "Gonçalo Pinto", "Leonor Figueiredo", "Caetano Barros", "Fernanda Ribeiro",
    ]),
    ("italian and greek", [
        "Giulia Bianchi", "Lorenzo Ricci", "Chiara Esposito", "Matteo Colombo", "Giovanni Ferrari",
        "Francesca Marino", "Alessandro Greco", "Silvia Conti", "Umberto Gallo", "Ginevra Costa",
        "Dimitris Papadopoulos", "Eleni Georgiou", "Yiannis Nikolaidis", "Katerina Ioannou", "Stavros Makris",
        "Despina Vlachos", "Kostas Petridis", "Ioanna Karras", "Nikos Angelopoulos", "Sofia Dimitriou",
    ]),
    ("slavic", [
        "Agnieszka Kowalska", "Krzysztof Nowak", "Małgorzata Wójcik", "Tomasz Zieliński", "Jadwiga Lewandowska",
        "Dmitry Volkov", "Svetlana Orlova", "Sergei Kuznetsov", "Yelena Morozova", "Nikolai Popov",
        "Oksana Shevchenko", "Bohdan Melnyk", "Jiří Novotný", "Zdeněk Dvořák", "Lenka Svobodová",
        "Goran Petrović", "Jelena Jovanović", "Marko Horvat", "Ivana Kovač", "Stanislav Dimitrov",
    ]),
    ("arabic, persian and turkish", [
        "Ahmed Mansour", "Fatima Haddad", "Youssef Khalil", "Layla Nasser", "Omar Farouk",
        "Zainab Rahman", "Khalid Aziz", "Mariam Saleh", "Tariq Hamdan", "Nour Sabbagh",
        "Reza Hosseini", "Shirin Moradi", "Darius Farahani", "Parisa Rostami", "Kaveh Ahmadi",
        "Mehmet Yılmaz", "Ayşe Demir", "Emre Kaya", "Zeynep Şahin", "Burak Çelik",
    ]),
    ("south asian and african", [
        "Priya Sharma", "Arjun Patel", "Deepika Nair", "Rajesh Gupta", "Ananya Chatterjee",
        "Vikram Singh", "Lakshmi Iyer", "Sanjay Banerjee", "Meera Krishnan", "Farhan Qureshi",
        "Chinedu Okafor", "Adaeze Nwosu", "Oluwaseun Adeyemi", "Folake Balogun", "Kwame Mensah",
        "Abena Owusu", "Thabo Nkosi", "Nomvula Dlamini", "Wanjiru Kamau", "Tendai Moyo",
    ]),
    ("east asian", [
        "Hiroshi Nakamura", "Sakura Yamamoto", "Kenji Watanabe", "Ayumi Fujita", "Takeshi Mori",
        "Minjun Park", "Seoyeon Choi", "Jihoon Kang", "Eunji Yoon", "Hyunwoo Lim",
        "Xiaoming Zhang", "Meiling Chen", "Guowei Huang", "Yuxin Zhao", "Jianhong Xu",
        "Thuy Nguyen", "Quang Tran", "Linh Pham", "Duc Hoang", "Somchai Srisai",
    ]),
];
