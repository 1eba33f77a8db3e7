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
    /// <exception cref="RagException">Unavailable: it failed; the message holds what it said.</exception>
    public static async Task RunAsync(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, Stream to, CancellationToken ct)
    {
        var info = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
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

    private static Process Start(ProcessStartInfo info)
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
