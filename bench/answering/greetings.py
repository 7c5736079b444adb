"""What people and machines say when they answer, and in whose voice. Voices are espeak-ng's.

The detector's thresholds are Twilio's defaults and were looked at with the languages of TUNED. The other languages were
only measured; so were FRESH_PEOPLE and FRESH_MACHINES, other sentences and languages in other voices, which were
written after the detector was done. Their slow greetings of businesses (4.2 % of the people) showed that pauses, and
the patience of the detector of speech, counted as speech; the count was mended, and LATER_PEOPLE and LATER_MACHINES, in
yet other words, languages and voices and with more such greetings, were written before it was measured again. Half of
those people are businesses with a whole sentence, many of 2.5 to 3.5 s (19.8 % called machines); the count was made
finer, and LAST_PEOPLE, LAST_BUSINESSES and LAST_MACHINES were written before it was measured again.
"""

from typing import Final

TUNED: Final = ("en", "de")
VARIANTS: Final = ("", "+f3", "+m4", "+f5")
"""Voices of each language: two men, two women."""
SPEEDS: Final = (145, 175)
"""Words a minute."""

PEOPLE: Final = {
    "en": ("Hello?", "Yes?", "Hello, this is John.", "Maria speaking.", "Good morning, Baker and sons."),
    "de": ("Hallo?", "Ja, bitte?", "Müller.", "Schmidt, guten Tag.", "Hier ist Anna."),
    "fr": ("Allô?", "Oui, bonjour.", "Oui, j'écoute.", "Marie Dupont, bonjour."),
    "es": ("¿Diga?", "¿Sí, quién es?", "Hola, buenos días.", "¿Bueno?"),
    "it": ("Pronto?", "Pronto, chi parla?", "Sì, buongiorno."),
    "nl": ("Hallo?", "Met Jan de Vries.", "Goedemorgen, met Anna."),
}
MACHINES: Final = {
    "en": (
        "Hi, you have reached John. I cannot take your call right now. Please leave a message after the tone.",
        "The person you are trying to reach is not available. Please record your message after the tone.",
        "Hello, this is Maria. I am sorry I missed you, but please leave your name and number.",
    ),
    "de": (
        "Guten Tag, Sie sind verbunden mit dem Anschluss von Familie Müller. Bitte sprechen Sie nach dem Signalton.",
        "Der gewünschte Gesprächspartner ist zur Zeit nicht erreichbar. Bitte hinterlassen Sie eine Nachricht.",
    ),
    "fr": (
        "Bonjour, vous êtes bien chez Marie Dupont. Merci de laisser un message après le signal sonore.",
        "Votre correspondant n'est pas disponible pour le moment. Veuillez laisser un message après le bip.",
    ),
    "es": (
        "Hola, has llamado a Carmen. Ahora no puedo atenderte, deja tu mensaje después de la señal.",
        "El número al que llama no está disponible. Por favor deje su mensaje después del tono.",
    ),
    "it": (
        "Salve, avete chiamato Paolo Rossi. Al momento non posso rispondere, lasciate un messaggio dopo il segnale.",
    ),
    "nl": ("Dit is de voicemail van Jan de Vries. Spreek na de toon uw boodschap in, dan bel ik terug.",),
}
FRESH_VARIANTS: Final = ("+m1", "+m7", "+f1", "+f2")
FRESH_SPEEDS: Final = (130, 190)
FRESH_PEOPLE: Final = {
    "en": ("Hi, Susan here.", "Reception, how can I help?", "Yeah?"),
    "de": ("Ja hallo, Weber?", "Praxis Doktor Lang, guten Tag.", "Moin."),
    "fr": ("Oui, allô?", "Claire à l'appareil.", "Bonsoir."),
    "es": ("¿Aló?", "Dígame.", "Sí, soy Pablo."),
    "it": ("Sì?", "Sono Luca, chi è?", "Buonasera."),
    "nl": ("Ja, hallo?", "Met Bakker.", "Spreek ik met Piet?"),
    "pt": ("Alô?", "Estou sim.", "Bom dia, quem fala?"),
    "pl": ("Halo?", "Słucham?", "Tak, dzień dobry."),
}
FRESH_MACHINES: Final = {
    "en": ("You have reached the voicemail of five five five one two three. Please speak after the beep.",),
    "de": (
        "Dies ist die Mailbox von Anna Weber. Ich rufe gerne zurück, wenn Sie mir eine Nachricht hinterlassen.",
    ),
    "fr": (
        "Vous êtes sur la messagerie de Paul. Je ne suis pas là, laissez-moi un message et je vous rappelle.",
    ),
    "es": ("Este es el buzón de voz de Ana García. En este momento no estoy, por favor deje su recado.",),
    "it": (
        "Risponde la segreteria telefonica di Anna Bianchi. Lasciate il vostro nome e numero, vi richiamo.",
    ),
    "nl": (
        "Hallo, u spreekt met het antwoordapparaat van Eva. Ik ben er even niet, laat een bericht achter.",
    ),
    "pt": ("Você ligou para a caixa postal de Maria Silva. Deixe o seu recado depois do sinal, por favor.",),
    "pl": ("Dodzwoniłeś się do poczty głosowej Jana. Nie mogę teraz odebrać, zostaw wiadomość po sygnale.",),
}
LATER_VARIANTS: Final = ("+m2", "+m6", "+f4", "+Annie")
LATER_SPEEDS: Final = (125, 160, 200)
LATER_PEOPLE: Final = {
    "en": ("Hello, Green Garden, Lucy speaking.", "Good afternoon, sales, how may I help?", "Who is this?"),
    "de": ("Stadtbücherei, Krause, guten Morgen.", "Autohaus Lehmann, Sie sprechen mit Eva.", "Wer ist da?"),
    "fr": ("Cabinet Martin, bonjour, je vous écoute.", "Allô oui?", "Oui, c'est Julien."),
    "es": ("Clínica del Sol, buenas tardes.", "Sí, dígame, ¿quién habla?", "¿Hola?"),
    "it": ("Studio Ferri, buongiorno, sono Marta.", "Pronto, con chi parlo?", "Eccomi."),
    "nl": ("Bakkerij Smit, goedemiddag.", "Met Lotte, zeg het maar.", "Wie is daar?"),
    "sv": ("Hej, det är Karin.", "Växeln, god morgon, vad gäller det?", "Hallå?"),
    "cs": ("Prosím?", "Dobrý den, tady Novák.", "Recepce, dobrý den, přejete si?"),
}
LATER_MACHINES: Final = {
    "en": (
        "Thank you for calling. We are closed at the moment. Leave your number and we will ring you tomorrow.",
    ),
    "de": ("Unsere Sprechzeiten sind montags bis freitags. Bitte hinterlassen Sie Namen und Rufnummer.",),
    "fr": ("Nous sommes absents jusqu'à lundi. Laissez votre nom et vos coordonnées après le bip sonore.",),
    "es": ("Gracias por llamar. Ahora no hay nadie en la oficina, deje su nombre y su teléfono.",),
    "it": ("Grazie per aver chiamato. Gli uffici sono chiusi, lasciate un messaggio dopo il tono.",),
    "nl": ("Bedankt voor het bellen. Wij zijn nu gesloten, laat uw naam en nummer achter na de piep.",),
    "sv": ("Du har kommit till Erik. Jag kan inte svara just nu, lämna ett meddelande efter tonen.",),
    "cs": ("Dovolali jste se do hlasové schránky. Zanechte prosím vzkaz po zaznění tónu, ozvu se vám.",),
}
LAST_VARIANTS: Final = ("+m3", "+m8", "+linda", "+Andrea")
LAST_SPEEDS: Final = (135, 165, 195)
LAST_PEOPLE: Final = {
    "en": ("Hey, what's up?", "Good evening, Peter Brown."),
    "de": ("Guten Abend, Fischer hier.", "Ja, wer spricht?"),
    "fr": ("Bonsoir, c'est Hélène.", "Oui, qui est à l'appareil?"),
    "es": ("Hola, soy Lucía.", "¿Quién es?"),
    "it": ("Casa Romano, buonasera.", "Sì, dimmi."),
    "nl": ("Hoi, met Daan.", "Goedenavond, familie Visser."),
    "da": ("Hallo, det er Mette.", "Ja, goddag?"),
    "ro": ("Alo, da?", "Bună ziua, cine e la telefon?"),
    "hu": ("Halló, tessék?", "Szabó Péter vagyok."),
}
LAST_BUSINESSES: Final = {
    "en": ("City Taxis, where are you?",),
    "de": ("Restaurant Sonne, was kann ich für Sie tun?",),
    "fr": ("Garage Petit, bonjour.",),
    "es": ("Hotel Miramar, ¿en qué puedo ayudarle?",),
    "it": ("Farmacia Centrale, mi dica.",),
    "nl": ("Tandarts de Boer, waarmee kan ik u helpen?",),
    "da": ("Blomsterhuset, det er Freja, hej.",),
    "ro": ("Cabinetul doctorului Ionescu, bună ziua.",),
    "hu": ("Virágbolt, jó napot kívánok.",),
}
LAST_MACHINES: Final = {
    "en": ("Sorry, I can't come to the phone. Say who you are and I'll get back to you soon.",),
    "de": ("Hallo, ich bin gerade unterwegs. Sprecht mir einfach etwas aufs Band, ich melde mich dann.",),
    "fr": ("Salut, je suis en réunion. Envoyez-moi un texto ou parlez après le bip, à bientôt.",),
    "es": ("Hola, no puedo contestar. Mándame un mensaje o habla después de la señal, gracias.",),
    "it": ("Ciao, sono in vacanza fino al venti. Dopo il segnale potete lasciare un messaggio.",),
    "nl": ("Ik kan de telefoon nu niet opnemen. Probeer het later nog eens of spreek iets in.",),
    "da": ("Du har ringet til Mette. Jeg kan ikke tage telefonen, læg en besked efter klartonen.",),
    "ro": ("Ați sunat la familia Popescu. Nu suntem acasă, lăsați un mesaj după semnalul sonor.",),
    "hu": ("Most nem tudom felvenni a telefont. Kérem, hagyjon üzenetet a sípszó után, visszahívom.",),
}
BEEPS: Final = (
    ((440,), 0.4),
    ((620,), 0.25),
    ((1000,), 0.2),
    ((1000,), 1.0),
    ((1400,), 0.5),
    ((2000,), 0.3),
    ((480, 620), 0.4),
    ((941, 1477), 0.3),
)
"""Hertz, and seconds."""
