// An ordinary libbpf program: open, load, attach, pin the link, wait for a line on standard input.
#include <bpf/libbpf.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const char *pin = argc > 2 ? argv[2] : "/sys/fs/bpf/hello_link";
	struct bpf_object *object = bpf_object__open_file(argc > 1 ? argv[1] : "hello.bpf.o", NULL);
	struct bpf_link *link;

	if (!object || bpf_object__load(object))
		return perror("load"), 1;
	link = bpf_program__attach(bpf_object__find_program_by_name(object, "hello"));
	if (!link || bpf_link__pin(link, pin))
		return perror("attach"), 1;
	printf("hello: attached, link pinned at %s; Enter ends it\n", pin);
	fflush(stdout);
	getchar();
	bpf_link__unpin(link);
	bpf_link__destroy(link);
	bpf_object__close(object);
	return 0;
}
