namespace Rag.Foundation;

/// <summary>Whether this server is about to stop: it still serves what comes, and asks everybody to go elsewhere.</summary>
internal sealed class Draining
{
    private volatile bool _begun;

    public bool Begun => _begun;

    public void Begin() => _begun = true;
}
