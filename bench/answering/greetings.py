"""What people and machines say when they answer, and in whose voice. Voices are espeak-ng's.

The detector's thresholds are Twilio's defaults and were looked at with the languages of TUNED; the others were only
measured.
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
