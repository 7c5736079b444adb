"""What people and machines say when they answer, and in whose voice. Voices are espeak-ng's.

The detector's thresholds are Twilio's defaults and were looked at with the languages of TUNED. The other languages were
only measured; so were FRESH_PEOPLE and FRESH_MACHINES, other sentences and languages in other voices, which were
written after the detector was done and have changed nothing in it.
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
