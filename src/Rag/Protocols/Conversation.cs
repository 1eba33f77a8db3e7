using System.Text;
using System.Text.Json;
using Rag.Answering;
using Rag.Foundation;
using Rag.Retrieval;

namespace Rag.Protocols;

/// <summary>What was asked last, and what was said before.</summary>
/// <param name="Turns">The last questions before it with their answers, the oldest first; cut to what is read of each.</param>
internal sealed record Conversation(string Question, IReadOnlyList<AskTurn> Turns)
{
    private const int MaxMessages = 200, MaxChars = 200_000;

    /// <summary>
    /// Reads messages as chat clients send them. What a <c>system</c> or <c>developer</c> message says has no effect: an answer is
    /// what the documents say.
    /// </summary>
    /// <exception cref="RagException">Invalid: nothing is asked, a message is of another kind, or there are too many.</exception>
    public static Conversation Of(IReadOnlyList<ChatMessage>? messages)
    {
        if (messages is null or { Count: 0 }) throw new RagException(ErrorKind.Invalid, "'messages' is missing or empty.", "Send [{\"role\": \"user\", \"content\": \"…\"}].");
        if (messages.Count > MaxMessages) throw new RagException(ErrorKind.Invalid, $"There are {messages.Count:N0} messages; at most {MaxMessages} are read.", "Leave the oldest out.");
        var turns = new List<AskTurn>();
        string? asked = null;
        int chars = 0;
        foreach (var message in messages)
        {
            string text = Text(message);
            if ((chars += text.Length) > MaxChars) throw new RagException(ErrorKind.Invalid, $"The messages have more than {MaxChars:N0} characters.", "Leave the oldest out; documents go in with 'rag ingest'.");
            switch (message.Role)
            {
                case "system" or "developer":
                    break;
                case "user":
                    if (asked is not null) Add(asked, null);
                    asked = text;
                    break;
                case "assistant":
                    if (asked is not null) Add(asked, text);
                    asked = null;
                    break;
                default:
                    throw new RagException(ErrorKind.Invalid, $"A message has the role '{message.Role}'.", "Send messages of user and assistant; tools are not called.");
            }
        }
        return new(asked ?? throw new RagException(ErrorKind.Invalid, "The last message is not the user's.", "End the messages with the question."), [.. turns.TakeLast(AskRequest.MaxTurns)]);

        void Add(string question, string? answer)
        {
            if (!string.IsNullOrWhiteSpace(question)) turns.Add(new(Cut(question, QueryText.MaxChars), answer is null ? null : Cut(answer, AskTurn.MaxAnswerChars)));
        }
    }

    private static string Cut(string text, int chars) => text.Length <= chars ? text : text[..(char.IsHighSurrogate(text[chars - 1]) ? chars - 1 : chars)];

    private static string Text(ChatMessage message)
    {
        switch (message.Content)
        {
            case { ValueKind: JsonValueKind.String } content:
                return content.GetString()!;
            case { ValueKind: JsonValueKind.Array } parts:
                var text = new StringBuilder();
                foreach (var part in parts.EnumerateArray())
                {
                    if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String || type.GetString() is not ("text" or "input_text" or "output_text")
                        || !part.TryGetProperty("text", out var value) || value.ValueKind != JsonValueKind.String)
                        throw new RagException(ErrorKind.Invalid, "A message has a part that is no text.", "Send text; images, audio and files are not read here.");
                    if (text.Length > 0) text.Append('\n');
                    text.Append(value.GetString());
                }
                return text.ToString();
            case null or { ValueKind: JsonValueKind.Null } when message.Role == "assistant":
                return "";
            default:
                throw new RagException(ErrorKind.Invalid, "A message has no content.", "Send a string, or an array of {\"type\": \"text\", \"text\": \"…\"}.");
        }
    }
}
