using System.Net.Http.Headers;

namespace Rag.Foundation.Commands;

/// <summary>
/// The key that a command shows to a server: from a file that <c>--key</c> names, or from the environment. Never from the
/// command line itself, which other users of the machine can read.
/// </summary>
internal static class ServerKey
{
    public const string Variable = "RAG_KEY";

    private const int MaxChars = 8_192;

    /// <exception cref="RagException">Invalid: the file cannot be read, or what was given is a key and not a file.</exception>
    public static string? Read(string? file)
    {
        if (file is null) return Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } held ? Checked(held, $"The environment's {Variable}") : null;
        if (file.StartsWith("rag_", StringComparison.Ordinal) && !File.Exists(file))
            throw new RagException(ErrorKind.Invalid, "--key was given a key, which others on this machine can read from the list of processes.", $"Revoke that key, put a new one into a file that only you may read, and name the file; or set {Variable}.");
        try
        {
            using var reader = new StreamReader(file);
            char[] text = new char[MaxChars];
            return Checked(new string(text, 0, reader.ReadBlock(text)), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Invalid, $"The key's file {file} cannot be read: {e.Message}", "Name a file that holds the key and that you may read.", e);
        }
    }

    /// <summary>Has every request of the client show the key, where there is one.</summary>
    /// <exception cref="RagException">Invalid: the key cannot be read.</exception>
    public static void Show(HttpClient http, string? file)
    {
        if (Read(file) is { } key) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    private static string Checked(string text, string from)
    {
        string key = text.Trim();
        if (key.Length == 0) throw new RagException(ErrorKind.Invalid, $"{from} holds no key.", "Put the key into it, as 'rag keys create' printed it.");
        return key.All(c => c is > ' ' and <= '~') ? key : throw new RagException(ErrorKind.Invalid, $"{from} holds more than a key.", "Leave nothing but the key in it.");
    }
}
