using System.Text;
using Microsoft.AspNetCore.Http;
using Rag.Answering;

namespace Rag.Protocols;

/// <summary>An answer as the content of a chat message: each sentence followed by the numbers of its sources, and an annotation for each.</summary>
internal sealed class ChatText(HttpRequest request, string collection)
{
    private readonly StringBuilder _text = new();

    public override string ToString() => _text.ToString();

    /// <summary>Appends a sentence; what was appended, and where its sources are.</summary>
    /// <param name="sources">Those of the answer so far, by number.</param>
    public (string Added, IReadOnlyList<ChatAnnotation> Annotations) Add(AnswerSentence sentence, IReadOnlyDictionary<int, AnswerSource> sources)
    {
        int before = _text.Length;
        if (before > 0) _text.Append(IsBlock(sentence.Kind) ? "\n" : " ");
        int start = _text.Length;
        _text.Append(sentence.Text);
        int end = _text.Length;
        // A table or code ends with its last line: a number behind that would be part of it.
        _text.Append(sentence.Text.Contains('\n') ? '\n' : ' ');
        IReadOnlyList<int> numbers = sentence.Sources ?? [sentence.Source];
        foreach (int number in numbers) _text.Append('[').Append(number).Append(']');
        return (_text.ToString(before, _text.Length - before), [.. numbers.Select(n => sources[n]).Select(s => new ChatAnnotation("url_citation", new(start, end, Url(s), s.Title, s)))]);
    }

    private static bool IsBlock(string kind) => kind is not ("sentence" or AnswerSentence.Composed);

    private string Url(AnswerSource s) => DocumentLinks.Of(request, collection, s.Document, s.Uri, s.Version, s.Start, s.End);
}

internal static class DocumentLinks
{
    /// <summary>A document's own address where it has one on the web, or its page on this server, with the span marked where one is given.</summary>
    public static string Of(HttpRequest request, string collection, string document, string uri, long? version = null, int? start = null, int? end = null) =>
        Uri.TryCreate(uri, UriKind.Absolute, out var own) && own.Scheme is "http" or "https" ? uri
        : $"{request.Scheme}://{request.Host}/documents/{Uri.EscapeDataString(collection)}/{Uri.EscapeDataString(document)}{(version is null ? "" : $"?version={version}{(start is null ? "" : $"&start={start}&end={end}#quote")}")}";
}
