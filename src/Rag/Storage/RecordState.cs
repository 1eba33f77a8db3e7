using System.Data.Common;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>
/// Whether the record answers, as those who read it all the time saw it last. While it is away questions are answered
/// from the index, and what needs the record is refused at once instead of waiting for it.
/// </summary>
internal sealed class RecordState(Database database)
{
    /// <summary>One failure may be a single connection that broke.</summary>
    private const int FailuresToBeAway = 2;

    private int _failures;
    private volatile RagException? _trouble;

    /// <summary>What is wrong with the record; null while it answers.</summary>
    public RagException? Trouble => Postponed ?? (Volatile.Read(ref _failures) >= FailuresToBeAway ? _trouble : null);

    public bool Away => Trouble is not null;

    /// <summary>Why the schema could not be brought up to date yet; null once it is.</summary>
    public RagException? Postponed { get; set; }

    public void Answered()
    {
        if (Volatile.Read(ref _failures) != 0) Volatile.Write(ref _failures, 0);
    }

    /// <summary>Notes a failure if it is one of the record's.</summary>
    public bool Failed(Exception e)
    {
        if (Translated(e) is not { } trouble) return false;
        _trouble = trouble;
        Interlocked.Increment(ref _failures);
        return true;
    }

    /// <summary>Whether a failure says that the record is away, and not only that somebody else holds a part of it.</summary>
    public bool Says(Exception e) => Translated(e) is not null;

    /// <exception cref="RagException">Unavailable: the record is away.</exception>
    public void Require()
    {
        if (Trouble is { } trouble) throw new RagException(ErrorKind.Unavailable, trouble.Message, trouble.Remedy, trouble);
    }

    private RagException? Translated(Exception e)
    {
        var trouble = e as RagException ?? (e is DbException error ? database.Translate(error) : null);
        return trouble is { Kind: ErrorKind.Unavailable, InnerException: not DatabaseBusyException } ? trouble : null;
    }
}
