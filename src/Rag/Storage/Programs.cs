using System.Diagnostics;
using System.Text;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>Programs of the engines that this process starts.</summary>
internal static class Programs
{
    private const int MaxErrorChars = 4_000;

    /// <summary>Where Debian keeps what it does not put on PATH.</summary>
    private static readonly string[] AlsoIn = ["/usr/lib/postgresql"];

    /// <exception cref="RagException">Unavailable: it is nowhere; <paramref name="remedy"/> says what to do.</exception>
    public static string Find(string name, string configured, string remedy)
    {
        if (configured.Length > 0) return File.Exists(configured) ? configured : throw new RagException(ErrorKind.Unavailable, $"There is no program {configured}.", remedy);
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Concat(AlsoIn.Where(Directory.Exists).SelectMany(d => Directory.EnumerateDirectories(d).OrderDescending(StringComparer.Ordinal)).Select(d => Path.Combine(d, "bin")));
        return folders.Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists) ?? throw new RagException(ErrorKind.Unavailable, $"The program {name} is not on this machine.", remedy);
    }

    /// <summary>Runs a program to its end; what it prints goes to <paramref name="to"/>. Cancelled, it is ended.</summary>
    /// <param name="account">Who it runs as where this process is root; itself where it is empty.</param>
    /// <exception cref="RagException">Unavailable: it failed; the message holds what it said.</exception>
    public static async Task RunAsync(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, Stream to, CancellationToken ct, string account = "")
    {
        var info = Command(program, arguments, account);
        foreach (var (name, value) in environment) info.Environment[name] = value;
        using var process = Start(info);
        process.StandardInput.Close();
        try
        {
            var said = ReadErrorsAsync(process.StandardError, ct);
            await process.StandardOutput.BaseStream.CopyToAsync(to, ct);
            string errors = await said;
            await process.WaitForExitAsync(ct);
            if (process.ExitCode != 0) throw Failed(program, process.ExitCode, errors, null);
        }
        catch
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>How a program is started with its streams read here, as another account where this process is root.</summary>
    public static ProcessStartInfo Command(string program, IReadOnlyList<string> arguments, string account)
    {
        // setpriv becomes the program: what is ended here is the program itself.
        IReadOnlyList<string> all = account.Length > 0 && Environment.IsPrivilegedProcess ? ["setpriv", "--reuid", account, "--regid", account, "--init-groups", program, .. arguments] : [program, .. arguments];
        var info = new ProcessStartInfo(all[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = Path.GetTempPath() };
        foreach (string argument in all.Skip(1)) info.ArgumentList.Add(argument);
        return info;
    }

    public static Process Start(ProcessStartInfo info)
    {
        try
        {
            return Process.Start(info) ?? throw Failed(info.FileName, -1, "it did not start", null);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw Failed(info.FileName, -1, e.Message, e);
        }
    }

    private static async Task<string> ReadErrorsAsync(StreamReader from, CancellationToken ct)
    {
        var said = new StringBuilder();
        while (await from.ReadLineAsync(ct) is { } line)
            if (said.Length < MaxErrorChars) said.AppendLine(line);
        return said.ToString().Trim();
    }

    private static RagException Failed(string program, int code, string said, Exception? inner) => new(
        ErrorKind.Unavailable, $"{Path.GetFileName(program)} failed ({code}): {said}", "Mend what it says and try again.", inner);
}
