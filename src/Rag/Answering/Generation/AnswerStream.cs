using System.Threading.Channels;

namespace Rag.Answering.Generation;

/// <summary>A sentence that will not change, with the sources that it is the first to cite.</summary>
internal sealed record SettledSentence(AnswerSentence Sentence, IReadOnlyList<AnswerSource> Sources);

/// <summary>
/// Sentences of one answer on their way to whoever asked, while the rest of it is made. Where the answer had to be made anew
/// (something was taken from the asker meanwhile), no more of them come: the answer itself says what holds. Thread-safe;
/// bounded by what an answer may have.
/// </summary>
internal sealed class AnswerStream
{
    private readonly Channel<SettledSentence> _sentences = Channel.CreateUnbounded<SettledSentence>(new() { SingleReader = true });
    private readonly HashSet<string> _documents = [];
    private int _count;
    private volatile bool _muted;

    /// <summary>Sentences that have left.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Id of the answer that they are of.</summary>
    public string? AnswerId { get; private set; }

    /// <summary>Documents whose words have left.</summary>
    public IReadOnlyList<string> Documents
    {
        get { lock (_documents) return [.. _documents]; }
    }

    public IAsyncEnumerable<SettledSentence> ReadAllAsync(CancellationToken ct) => _sentences.Reader.ReadAllAsync(ct);

    /// <summary>No more sentences come.</summary>
    public void Complete() => _sentences.Writer.TryComplete();

    public void Settle(string answerId, AnswerSentence sentence, IReadOnlyList<AnswerSource> sources)
    {
        if (_muted) return;
        AnswerId = answerId;
        lock (_documents) _documents.UnionWith(sources.Select(s => s.Document));
        Interlocked.Increment(ref _count);
        _sentences.Writer.TryWrite(new(sentence, sources));
    }

    /// <summary>What is made from now on is another answer.</summary>
    public void Mute() => _muted = true;
}
