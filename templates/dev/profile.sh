# What /etc/profile sets is not the image's PATH.
if [ -n "${CONDABOX_PATH-}" ]; then PATH=$CONDABOX_PATH; export PATH; fi
# sshd takes the group's right to write away; whoever comes after in the same volume needs it.
umask 0002
