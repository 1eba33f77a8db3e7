using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Access;
using Rag.Security.Detection;

namespace Rag.Security;

/// <summary>Reads what others have seen, in the background, judges it and scores whoever did it. Nobody waits for it, and nothing is refused by it.</summary>
internal sealed class SecurityWatch(SecurityFeed feed, Scores scores, SecurityEventLog events, SecurityOptions options, TimeProvider time, ILogger<SecurityWatch> log) : BackgroundService
{
    private readonly Frequency _keys = new(options.FailedKeys, time), _questions = new(options.ScrapedQuestions, time), _documents = new(options.ScrapedDocuments, time);
    private long _failures;
    private ulong _tries;

    /// <summary>Judges one signal.</summary>
    public void Judge(Signal signal)
    {
        switch (signal)
        {
            case QuestionSignal question:
                foreach (var sign in Attacks.InQuestion(question.Text)) Score(question, sign.Pattern, sign.Weight, Places.Question, question.Text);
                if (_questions.Add(CallerIdentity.Of(question.Actor), Hash(question.Text)))
                    Event(question, SecurityPattern.Scraping, Places.Question, $"{options.ScrapedQuestions} different questions within {Frequency.Window.TotalMinutes} minutes");
                break;
            case DocumentSignal document:
                foreach (var sign in DocumentSigns.Of(document.Text, document.Hidden)) Score(document, sign.Pattern, sign.Weight, Places.Document, $"{document.Uri}: {sign.Excerpt}");
                break;
            case RequestSignal request:
                Request(request);
                break;
            case MalformedSignal malformed:
                Score(malformed, SecurityPattern.MalformedRequest, 2, Places.Request, malformed.Why);
                break;
            case RefusedSignal refused:
                // It is counted where it was refused.
                events.Add(refused.Pattern, refused.Actor, Places.Request, "", 1, refused.Trace, counted: true);
                break;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        try
        {
            await foreach (var signal in feed.ReadAsync(stop))
            {
                if (!options.Enabled) continue;
                try
                {
                    Judge(signal);
                }
                catch (Exception e)
                {
                    // What breaks the watch must not end it; once a while is enough to hear of it.
                    if (_failures++ % 1_000 == 0) log.NotLookedAt(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Request(RequestSignal request)
    {
        foreach (var sign in Attacks.InRequest(request)) Score(request, sign.Pattern, sign.Weight, Places.Request, Shown(request, sign.Pattern));
        string caller = CallerIdentity.Of(request.Actor);
        if (request is { Status: 404, Known: false }) Score(request, SecurityPattern.Scanner, ScannerSigns.MissWeight, Places.Request, request.Target);
        // Every try counts, also one that is made twice.
        if (request is { Status: 401, KeyShown: true } && _keys.Add(caller, ++_tries))
            Event(request, SecurityPattern.CredentialStuffing, Places.Request, $"{options.FailedKeys} keys that do not hold within {Frequency.Window.TotalMinutes} minutes");
        if (request is { Document: true, Status: 200 } && _documents.Add(caller, Hash(request.Target)))
            Event(request, SecurityPattern.Scraping, Places.Request, $"{options.ScrapedDocuments} different documents opened within {Frequency.Window.TotalMinutes} minutes");
        // Whoever guesses at documents finds none.
        if (request is { Document: true, Status: 404 }) Score(request, SecurityPattern.Scanner, ScannerSigns.MissWeight, Places.Request, request.Target);
    }

    /// <summary>The address, or the header that shows it where the address does not.</summary>
    private static string Shown(RequestSignal request, string pattern)
    {
        if (pattern == SecurityPattern.Scanner && ScannerSigns.WeighAgent(request.UserAgent) > 0) return $"{request.Method} {request.Target} by {request.UserAgent}";
        bool inAddress = request.Headers.Count == 0 || Attacks.InRequest(request with { Headers = [], UserAgent = "" }).Any(s => s.Pattern == pattern);
        return inAddress ? $"{request.Method} {request.Target}" : $"{request.Headers[0].Key}: {request.Headers[0].Value}";
    }

    private void Score(Signal signal, string pattern, double weight, string place, string text)
    {
        if (scores.Add(CallerIdentity.Of(signal.Actor), pattern, weight, Sign.Alarm)) events.Add(pattern, signal.Actor, place, text, weight, signal.Trace);
    }

    private void Event(Signal signal, string pattern, string place, string text) => Score(signal, pattern, Sign.Alarm, place, text);

    private static ulong Hash(string text) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan())));
}

/// <summary>Where something was seen.</summary>
internal static class Places
{
    public const string Request = "request", Question = "question", Document = "document", Access = "access";
}
